"""The local stack as a place for experiments: its parts within reach, and a way to break each of them."""

import os
import random
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO

import psutil
from PIL import Image, ImageDraw
from rich.console import Console

from testkit import fault_proxy as meddler
from testkit.fault_proxy import Meddle, Meddler
from triptych import stack
from triptych.repair.invocation import ALIAS
from triptych.stack import Home, Ingest, deploy, services
from triptych.stack.home import REPOSITORY
from triptych.stack.state import State
from triptych.storage import connection

VERSIONS = services.VERSIONS

_WARM = 8
"""Lambda workers that wait for work at the start: a fault that holds documents up needs more than a quiet stack."""


@dataclass(frozen=True)
class Site:
    """A running stack of its own, with a proxy before its table."""

    home: Home
    table: Meddler

    @property
    def to(self) -> connection.StackConnection:
        """The stack as commands see it."""
        return connection.connect_local()

    def switch(self, ingest: Ingest, console: Console) -> None:
        """Let uploads reach the orchestrator the other way."""
        stack.up(home=self.home, ingest=ingest, console=console)

    def kill(self, version: str) -> None:
        """End a model service without warning."""
        os.kill(State.load(self.home).services[version].process.pid, signal.SIGKILL)

    def start(self, version: str) -> None:
        """Start a model service that is not there, as ECS does."""
        stack.start_service(version, home=self.home)

    def restart(self, version: str) -> None:
        """Stop a model service politely and start it again, as a deployment does."""
        stack.stop_service(version, home=self.home)
        self.start(version)

    @contextmanager
    def stopped(self, version: str) -> Iterator[None]:
        """Freeze a model service: it holds its connections and says nothing."""
        leader = State.load(self.home).services[version].process.pid
        os.killpg(leader, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(leader, signal.SIGCONT)

    @contextmanager
    def meddled(self, version: str, meddle: Meddle) -> Iterator[Meddler]:
        """Put a proxy that meddles between the load balancer and a model service."""
        running = stack.current(self.home)
        group = running.outputs[f"TargetGroupArn{version.upper()}"]
        emulator = int(running.endpoint_url.rsplit(":", 1)[-1])
        with meddler.before(running.ports[version]) as proxy, proxy.doing(meddle):
            services.register(group, proxy.port, emulator)
            try:
                yield proxy
            finally:
                services.register(group, running.ports[version], emulator)

    def kill_handlers(self, number: int) -> None:
        """End so many Lambda workers without warning, whatever they are at.

        Not all of them: each is a process here, and a dozen that start at once are a burden that AWS does not know.
        """
        emulator = State.load(self.home).emulator
        assert emulator is not None
        workers = psutil.Process(emulator.process.pid).children(recursive=True)
        for worker in random.sample(workers, min(number, len(workers))):
            with suppress(psutil.NoSuchProcess):
                worker.kill()


@contextmanager
def site(name: str, *, retry_seconds: float, console: Console) -> Iterator[Site]:
    """A stack in a home of its own below the checkout's, taken down at the end. It keeps nobody else's from running."""
    home = Home(REPOSITORY / ".triptych" / name)
    os.environ["TRIPTYCH_HOME"] = str(home.path)  # what commands and `connection.connect_local` look at
    try:
        running = stack.up(home=home, ingest="direct", retry_seconds=retry_seconds, console=console)
        with meddler.before(int(running.endpoint_url.rsplit(":", 1)[-1])) as table:
            _lead_through(table.port)
            deploy.warm_up(running.function, int(running.endpoint_url.rsplit(":", 1)[-1]), workers=_WARM)
            yield Site(home, table)
    finally:
        stack.down(home=home, console=console)


def _lead_through(port: int) -> None:
    """Let the function reach its table through the proxy on `port`."""
    to = connection.connect_local()
    variables = to.lambdas.get_function_configuration(FunctionName=to.function)["Environment"]["Variables"]
    variables["AWS_ENDPOINT_URL_DYNAMODB"] = f"http://{meddler.HOST}:{port}"
    to.lambdas.update_function_configuration(FunctionName=to.function, Environment={"Variables": variables})
    version = to.lambdas.publish_version(FunctionName=to.function)["Version"]
    to.lambdas.update_alias(FunctionName=to.function, Name=ALIAS, FunctionVersion=version)


def wide() -> Console:
    """Where reports go: a terminal as it is; a file or a pipe with room for the tables."""
    return Console() if sys.stdout.isatty() else Console(width=100)


def page(number: int) -> bytes:
    """A small document like no other: cheap to read, so that what is measured is the pipeline."""
    image = Image.new("L", (240, 320), 255)
    draw = ImageDraw.Draw(image)
    draw.text((20, 16), f"Document no. {number}", fill=0)
    for line in range(12):
        words = f"{(number * 7919 + line * 104729) % 10**9:09d}"
        draw.text((20, 48 + 20 * line), f"{words} {words[::-1]}", fill=32)
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
