"""Build and start images without a container engine: with buildah in a chroot, on a base image from debootstrap.

This needs root on Debian, and both packages.
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
"""The parts of Docker's official Python image that the Dockerfile uses: `python`, `venv` and `pip`."""

_DOCKER = """#!/usr/bin/env bash
# A substitute for the calls of `docker` in build.sh, based on buildah. Pushed images stay in the storage.
set -euo pipefail
command=$1
shift
case $command in
    login) cat >/dev/null ;;
    push) buildah $STORAGE inspect --type image "$1" >/dev/null ;;
    build)
        [ "$1" = --pull ] && shift  # the base image is local
        buildah $STORAGE bud --quiet --layers --isolation chroot $MOUNTS "$@"
        ;;
    *) exit 2 ;;
esac
"""

_START = """
# Hide the machine's file system, make that of the image read-only, and mount only what Fargate mounts.
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sys "$1/sys"
mount -t tmpfs -o size=64k tmpfs "$1/dev"
for name in null zero urandom; do touch "$1/dev/$name" && mount --bind "/dev/$name" "$1/dev/$name"; done
mkdir -m 1777 "$1/dev/shm" && mount -t tmpfs -o size=64m tmpfs "$1/dev/shm"
# A volume of the task is empty, and has the permissions of the folder in the image.
for volume in $VOLUMES; do
    mount -t tmpfs -o "size=1g,mode=$(stat -c %a "$1$volume")" tmpfs "$1$volume"
done
user=$2 folder=$3
root=$1
shift 3
exec chroot --userspec="$user" "$root" /usr/bin/env -i --chdir="$folder" "$@"
"""


def missing_requirements() -> str:
    """Return why images cannot be built on this machine, or an empty string if they can."""
    tools = [tool for tool in ("buildah", "debootstrap", "unshare", "unzip", "curl") if shutil.which(tool) is None]
    if tools:
        return f"needs Debian's {', '.join(tools)}"
    return "" if os.geteuid() == 0 else "needs root, for debootstrap and chroot"


class Storage:
    """Images and containers in a folder.

    Args:
        folder: The folder. The caller deletes it after `clear` has unmounted everything.
    """

    def __init__(self, folder: Path) -> None:
        self.options = ["--root", str(folder / "storage"), "--runroot", str(folder / "run")]

    def buildah(self, *arguments: str) -> str:
        """Run buildah, and return its output.

        Raises:
            subprocess.CalledProcessError: buildah failed.
        """
        done = subprocess.run(["buildah", *self.options, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def add_base(self, archive: Path) -> None:
        """Create the base image from the result of `base_archive`."""
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, str(archive), "/")
        self.buildah("commit", "--quiet", "--rm", container, BASE)

    def config(self, image: str) -> dict[str, Any]:
        """Return the configuration of an image: Env, Entrypoint, User, WorkingDir."""
        found = json.loads(self.buildah("inspect", "--type", "image", image))["OCIv1"]["config"]
        assert isinstance(found, dict)
        return found

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """Mount the file system of a new container of this image."""
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
        """Write a substitute for `docker` into `folder`, and return the environment that it needs.

        Builds use the machine's configuration of pip and its certificates.
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
    """Return an archive of a minimal Debian with Python, created once and kept in `folder`.

    Raises:
        subprocess.CalledProcessError: debootstrap failed, for example without a network.
    """
    archive = folder / "bookworm.tar"
    if archive.exists():
        return archive
    root = folder / "bookworm"
    shutil.rmtree(root, ignore_errors=True)
    options = ["--variant=minbase", f"--include={_PACKAGES}"]
    subprocess.run(["debootstrap", *options, "bookworm", root], check=True, capture_output=True)
    for cache in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / cache)
    with tarfile.open(folder / "unfinished", "w") as tar:
        tar.add(root, arcname=".")
    (folder / "unfinished").rename(archive)
    shutil.rmtree(root)
    return archive


@contextmanager
def run_container(
    root: Path, config: dict[str, Any], settings: dict[str, str], command: Sequence[str] = (), *, volumes: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the process of a container on a read-only file system, until the end of the context.

    Args:
        root: File system of the container.
        config: Configuration of the image.
        settings: Environment variables in addition to those of the image.
        command: Command to run instead of the image's entry point.
        volumes: Folders that can be written to, separated by spaces.
    """
    variables = config["Env"] + [f"{name}={value}" for name, value in settings.items()]
    where = [str(root), config["User"], config["WorkingDir"]]
    process = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", _START, "start", *where, *variables, *(command or config["Entrypoint"])],
        env={**os.environ, "VOLUMES": volumes},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.terminate()
        process.wait(30)


def size_of(root: Path, folders: Sequence[str]) -> int:
    """Return the bytes of all files in these folders of a container's file system, each counted once."""
    files = (path for folder in folders for path in (root / folder).rglob("*") if not path.is_symlink())
    sizes = {(found.st_dev, found.st_ino): found.st_size for path in files if (found := path.stat()) and path.is_file()}
    return sum(sizes.values())


def wait_ready(url: str, process: subprocess.Popen[bytes], *, timeout: float = 60) -> None:
    """Wait until the service is ready.

    Raises:
        AssertionError: The container ended, or was not ready in time.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the container ended with {process.returncode}"
        try:
            if httpx2.get(f"{url}/health/ready", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"the service was not ready after {timeout:.0f} s")
