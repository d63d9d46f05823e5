"""Class maps side by side, and plots as SVG."""
