"""Figures of nets: what is written becomes a picture, a picture is laid out as marks, marks are painted as SVG."""
