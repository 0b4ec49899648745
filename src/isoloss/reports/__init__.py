"""Reports of tables and figures in one self-contained HTML file, and the style of figures."""

from isoloss._files import OutputError

__all__ = ["OutputError"]
