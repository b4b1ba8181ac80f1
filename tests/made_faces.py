"""Pictures that hold what must not be seen: a drawn face, which CenterFace takes for one, and red squares."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFilter


def face_jpeg(side: int = 100) -> bytes:
    """A face of this height in the middle of a picture of 256 x 256."""
    picture = Image.new("RGB", (256, 256), (90, 120, 150))
    draw, middle, wide, high = ImageDraw.Draw(picture), 128, side * 0.36, side * 0.48

    def oval(x: float, y: float, right: float, down: float, colour: str | tuple[int, int, int]) -> None:
        x, y = middle + x * wide, middle + y * high
        draw.ellipse((x - right * wide, y - down * high, x + right * wide, y + down * high), fill=colour)

    draw.rectangle((middle - wide * 1.8, middle + high * 0.9, middle + wide * 1.8, 256), fill=(60, 60, 90))
    oval(0, -0.275, 1.1, 0.875, (50, 35, 25))
    oval(0, 0, 1, 1, (224, 172, 140))
    for eye in (-0.42, 0.42):
        oval(eye, -0.15, 0.2, 0.07, "white")
        oval(eye, -0.15, 0.09, 0.07, (30, 20, 20))
        oval(eye, -0.33, 0.25, 0.04, (50, 35, 25))
    nose = [(0.0, -0.1), (-0.15, 0.25), (0.15, 0.25)]
    draw.polygon([(middle + x * wide, middle + y * high) for x, y in nose], fill=(200, 145, 115))
    oval(0, 0.52, 0.35, 0.08, (170, 70, 70))
    return as_jpeg(picture.filter(ImageFilter.GaussianBlur(1.5)))


def squares(*places: tuple[int, int], size: tuple[int, int] = (128, 128)) -> Image.Image:
    """Red squares of 16 pixels, their left upper corners here, on white."""
    picture = Image.new("RGB", size, "white")
    for x, y in places:
        picture.paste((255, 0, 0), (x, y, x + 16, y + 16))
    return picture


def as_jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95)
    return out.getvalue()
