"""The drawings of the page, as SVG: axes, curves, scatter plots and their captions."""
