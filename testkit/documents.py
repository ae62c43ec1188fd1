"""Small documents, each with its own content."""

from io import BytesIO

from PIL import Image, ImageDraw


def numbered_document(number: int, scale: int = 1) -> bytes:
    """Return a small PNG that differs from that of every other number.

    It takes little time to decode, so that measurements show the pipeline.

    Args:
        number: The number.
        scale: Factor by which width and height are multiplied.
    """
    image = Image.new("L", (240, 320), 255)
    draw = ImageDraw.Draw(image)
    draw.text((20, 16), f"Document no. {number}", fill=0)
    for line in range(12):
        digits = f"{(number * 7919 + line * 104729) % 10**9:09d}"
        draw.text((20, 48 + 20 * line), f"{digits} {digits[::-1]}", fill=32)
    if scale > 1:
        image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
