"""The jobs of a decoder process: decode a page batch, or render pages as JPEG.

The decoder process executes a job. Its parent checks the size of each page of the reply before it reads the page, and
builds the result from the checked bytes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, ClassVar, Final, Generic, Self, TypeVar

import numpy as np

from decoding.batch import PageBatch, PageBatches, decode_batches
from decoding.cancellation import CancelCheck
from decoding.limits import Limits
from decoding.orientation import VIEW_BYTES, VIEW_SIDE
from decoding.preprocessing import Preprocessing
from decoding.rendering import JPEG_SIGNATURE, RenderedPages, render_jpegs

Result = TypeVar("Result")

# Tables and metadata of a JPEG file, in addition to its pixels.
_JPEG_HEADER_BYTES: Final = 64 * 1024

# Marks of a page in the reply to a batch job.
_CROPPED: Final = 1
_UPRIGHT: Final = 2


class InvalidReplyError(Exception):
    """A decoder process sent something other than the protocol allows."""


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """The checked start of a decoder process's reply, which precedes the pages."""

    page_sizes: Sequence[int]
    """The valid size of each page."""
    truncated: bool
    """Whether the document has further pages that were not read."""
    unread: int = 0
    """Pages that follow the part of the document that the job is about."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of a decoder process about a readable document."""

    pages: Sequence[bytes | memoryview]
    """The bytes of each page."""
    truncated: bool
    """Whether the document has further pages that were not read."""
    unread: int = 0
    """Pages that follow the part of the document that the job is about."""


@dataclass(frozen=True)
class Job(ABC, Generic[Result]):
    """Work on one document."""

    kind: ClassVar[str]
    """Name of the job in the protocol."""
    limits: Limits
    """Bounds on the document."""

    @classmethod
    @abstractmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> Self:
        """Create the job from its fields as JSON."""

    @abstractmethod
    def execute(self, data: bytes, check_cancelled: CancelCheck) -> Reply:
        """Process a document, in the decoder process.

        Raises:
            DocumentError: If the document cannot be read.
        """

    @property
    def max_pages(self) -> int:
        """Maximum number of pages in the reply."""
        return self.limits.max_pages

    def without_forms(self) -> Self:
        """Return the same job without drawing form fields."""
        return replace(self, limits=replace(self.limits, forms=False))

    @abstractmethod
    def is_valid_page_size(self, size: int) -> bool:
        """Return whether a page of the reply may have this many bytes."""

    @abstractmethod
    def build_result(self, data: bytearray, head: ReplyHead) -> Result:
        """Build the result from a reply.

        Args:
            data: The bytes of all pages.
            head: What precedes them.

        Raises:
            InvalidReplyError: If a page has the wrong content.
        """


@dataclass(frozen=True)
class BatchJob(Job[PageBatches]):
    """Decode a document to a page batch for each of several inputs.

    The reply has the pixels of each page for every input, followed by its view and a byte of marks: `_CROPPED` and
    `_UPRIGHT`.
    """

    kind = "batch"
    inputs: tuple[Preprocessing, ...]
    """The inputs of the models."""
    part: tuple[int, int] | None = None
    """The pages of a PDF to decode, as the arguments of `range`; all if None."""

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> Self:
        """Create the job from its fields as JSON."""
        part = arguments["part"] and tuple(arguments["part"])
        return cls(Limits(**arguments["limits"]), tuple(Preprocessing(**each) for each in arguments["inputs"]), part)

    def execute(self, data: bytes, check_cancelled: CancelCheck) -> Reply:
        """Decode the document."""
        part = range(*self.part) if self.part else None
        batches = decode_batches(data, self.inputs, self.limits, check_cancelled, part)
        first = batches[0]
        marks = [_CROPPED * crop | _UPRIGHT * up for crop, up in zip(first.cropped, first.known_upright, strict=True)]
        parts = zip(zip(*(batch.pixels for batch in batches), strict=True), first.views, marks, strict=True)
        pages = [
            b"".join(each.tobytes() for each in pixels) + view.tobytes() + bytes([mark]) for pixels, view, mark in parts
        ]
        return Reply(pages, first.truncated, first.unread)

    @property
    def max_pages(self) -> int:
        """Maximum number of pages in the reply: those of the part, but the first part may give the whole document."""
        return len(range(*self.part)) if self.part and self.part[0] else self.limits.max_pages

    def without_forms(self) -> Self:
        """Return the job for the whole document without drawing form fields."""
        return replace(super().without_forms(), part=None)

    def is_valid_page_size(self, size: int) -> bool:
        """Return whether the size is that of the models' inputs, a view and a byte."""
        return size == sum(map(_pixel_bytes, self.inputs)) + VIEW_BYTES + 1

    def build_result(self, data: bytearray, head: ReplyHead) -> PageBatches:
        """Return the pixels for each input and the views as one array each."""
        pages = np.frombuffer(data, np.uint8).reshape(len(head.page_sizes), -1)
        *ends, end_of_pixels = accumulate(map(_pixel_bytes, self.inputs))
        views = np.ascontiguousarray(pages[:, end_of_pixels:-1]).reshape(len(pages), VIEW_SIDE, VIEW_SIDE)
        cropped, upright = ([bool(mark & bit) for mark in pages[:, -1]] for bit in (_CROPPED, _UPRIGHT))
        return tuple(
            PageBatch(
                np.ascontiguousarray(pages[:, start:end]).reshape(len(pages), each.height, each.width, 3),
                views, cropped, head.truncated, head.unread, upright,
            )
            for each, start, end in zip(self.inputs, [0, *ends], [*ends, end_of_pixels], strict=True)
        )  # fmt: skip


def _pixel_bytes(preprocessing: Preprocessing) -> int:
    return preprocessing.width * preprocessing.height * 3


@dataclass(frozen=True)
class JpegJob(Job[RenderedPages]):
    """Render the pages of a document as JPEG images."""

    kind = "jpeg"
    width: int
    """Largest width of an image."""
    height: int
    """Largest height of an image."""
    rotated: tuple[int, ...] = ()
    """By how many degrees to turn each page clockwise."""

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> Self:
        """Create the job from its fields as JSON."""
        rotated = tuple(arguments["rotated"])
        return cls(Limits(**arguments["limits"]), arguments["width"], arguments["height"], rotated)

    def execute(self, data: bytes, check_cancelled: CancelCheck) -> Reply:
        """Render the document."""
        box = (self.width, self.height)
        rendered = render_jpegs(data, box, self.limits, check_cancelled, rotated=self.rotated)
        return Reply(rendered.files, rendered.truncated)

    def is_valid_page_size(self, size: int) -> bool:
        """Return whether the size is at most that of the uncompressed image."""
        return 0 < size <= self.width * self.height * 3 + _JPEG_HEADER_BYTES

    def build_result(self, data: bytearray, head: ReplyHead) -> RenderedPages:
        """Return the pages as files, once their signatures are checked."""
        ends = accumulate(head.page_sizes)
        files = [bytes(data[end - size : end]) for size, end in zip(head.page_sizes, ends, strict=True)]
        if not all(file.startswith(JPEG_SIGNATURE) for file in files):
            raise InvalidReplyError("a page is not a JPEG file")
        return RenderedPages(files, head.truncated)


JOBS: Final[Mapping[str, type[Job[Any]]]] = {job.kind: job for job in (BatchJob, JpegJob)}
"""The jobs by their kind."""
