"""Images built and started without a container engine: buildah in a chroot, on a base made by debootstrap.

What these two need, and nothing less, is what the tests that use this need: root on Debian, and its packages.
"""

import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil

BASE = "localhost/triptych-base:bookworm"

_PACKAGES = "ca-certificates,python-is-python3,python3-pip,python3-venv"
"""What Docker's official Python image has, and the Dockerfile uses: `python`, its `venv` and `pip`."""

_DOCKER = """#!/usr/bin/env bash
# `docker`, as far as build.sh calls it, for buildah. There is no registry: what is pushed stays in the storage.
set -euo pipefail
command=$1
shift
case $command in
    login) cat >/dev/null ;;
    push) buildah $STORAGE inspect --type image "$1" >/dev/null ;;
    build)
        [ "$1" = --pull ] && shift  # the base is here, and nowhere else
        buildah $STORAGE bud --quiet --layers --isolation chroot $MOUNTS "$@"
        ;;
    *) exit 2 ;;
esac
"""

_START = """
# The rest of this machine's file system is out of reach, the image's own cannot be written, and nothing is mounted that
# Fargate would not mount.
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sys "$1/sys"
mount -t tmpfs -o size=64k tmpfs "$1/dev"
for name in null zero urandom; do touch "$1/dev/$name" && mount --bind "/dev/$name" "$1/dev/$name"; done
mkdir -m 1777 "$1/dev/shm" && mount -t tmpfs -o size=64m tmpfs "$1/dev/shm"
user=$2 folder=$3
root=$1
shift 3
exec chroot --userspec="$user" "$root" /usr/bin/env -i --chdir="$folder" "$@"
"""


def missing() -> str:
    """Why nothing can be built here; empty where it can."""
    tools = [tool for tool in ("buildah", "debootstrap", "unshare", "unzip", "curl") if shutil.which(tool) is None]
    if tools:
        return f"needs Debian's {', '.join(tools)}"
    return "" if os.geteuid() == 0 else "needs root, for debootstrap and chroot"


class Storage:
    """Images and containers in a folder of their own.

    Args:
        folder: where they lie; deleted by whoever made it, once `clear` has unmounted everything.
    """

    def __init__(self, folder: Path) -> None:
        self.options = ["--root", str(folder / "storage"), "--runroot", str(folder / "run")]

    def buildah(self, *arguments: str) -> str:
        """Run buildah, and give what it prints.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        done = subprocess.run(["buildah", *self.options, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def add_base(self, archive: Path) -> None:
        """Make the base image, from what `base_archive` made."""
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, str(archive), "/")
        self.buildah("commit", "--quiet", "--rm", container, BASE)

    def config(self, image: str) -> dict[str, Any]:
        """What the image says about itself: Env, Entrypoint, User, WorkingDir."""
        found = json.loads(self.buildah("inspect", "--type", "image", image))["OCIv1"]["config"]
        assert isinstance(found, dict)
        return found

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """The file system of a new container of this image."""
        container = self.buildah("from", "--pull-never", image)
        try:
            yield Path(self.buildah("mount", container))
        finally:
            self.buildah("umount", container)
            self.buildah("rm", container)

    def clear(self) -> None:
        """Remove every container and image."""
        self.buildah("rm", "--all")
        self.buildah("rmi", "--all", "--force")

    def tools(self, folder: Path) -> dict[str, str]:
        """Put a `docker` into `folder`, and give the environment that it needs.

        Where packages and their registry's certificate come from is this machine's business, so a build gets what says
        so from it.
        """
        (folder / "docker").write_text(_DOCKER)
        (folder / "docker").chmod(0o755)
        files = [path for path in ("/etc/pip.conf", "/etc/ssl/certs") if Path(path).exists()]
        return {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "STORAGE": " ".join(self.options),
            "MOUNTS": " ".join(f"--volume {path}:{path}:ro" for path in files),
        }


def base_archive(folder: Path) -> Path:
    """A minimal Debian with Python, made once and kept in `folder`.

    Raises:
        subprocess.CalledProcessError: debootstrap failed; without a network, for instance.
    """
    archive = folder / "bookworm.tar"
    if archive.exists():
        return archive
    root = folder / "bookworm"
    shutil.rmtree(root, ignore_errors=True)
    options = ["--variant=minbase", f"--include={_PACKAGES}"]
    subprocess.run(["debootstrap", *options, "bookworm", root], check=True, capture_output=True)
    for waste in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / waste)
    with tarfile.open(folder / "unfinished", "w") as tar:
        tar.add(root, arcname=".")
    (folder / "unfinished").rename(archive)
    shutil.rmtree(root)
    return archive


@contextmanager
def started(
    root: Path, config: dict[str, Any], settings: dict[str, str], command: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """The container's process: as its image says, on a file system that nothing can write to.

    Args:
        root: the image's file system.
        config: what the image says about itself.
        settings: environment variables in addition to the image's own.
        command: what to run in place of the image's entry point.
    """
    variables = config["Env"] + [f"{name}={value}" for name, value in settings.items()]
    where = [str(root), config["User"], config["WorkingDir"]]
    process = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", _START, "start", *where, *variables, *(command or config["Entrypoint"])]
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.terminate()
        process.wait(30)


def wait_ready(url: str, process: subprocess.Popen[bytes], *, timeout: float = 60) -> None:
    """Return once the service says that it is ready.

    Raises:
        AssertionError: it ended, or is not ready in time.
    """
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        assert process.poll() is None, f"the container ended with {process.returncode}"
        try:
            if httpx2.get(f"{url}/health/ready", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("the service did not get ready")
