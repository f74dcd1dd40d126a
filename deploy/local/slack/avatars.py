"""Avatars drawn as SVG: initials on a colour that belongs to the person, a rounded mark for apps."""

from __future__ import annotations

import hashlib
from html import escape

_HUES = (262, 208, 168, 24, 340, 288, 140, 46, 192, 312)


def draw(key: str, name: str, size: int, *, app: bool) -> str:
    """The SVG of one avatar."""
    hue = _HUES[int(hashlib.sha256(key.encode()).hexdigest()[:6], 16) % len(_HUES)]
    words = [word for word in name.split() if word]
    initials = escape("".join(word[0] for word in words[:2]).upper() or "?")
    lightness = 38 if app else 46
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 48 48">'
        f'<rect width="48" height="48" rx="8" fill="hsl({hue} 42% {lightness}%)"/>'
        f'<text x="24" y="25" dy=".35em" text-anchor="middle" fill="#fff" font-size="19" font-weight="600" '
        f'font-family="system-ui,sans-serif">{initials}</text></svg>'
    )
