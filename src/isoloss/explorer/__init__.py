"""The interactive page for the paper's example, any spectrum, or your data."""

try:
    import orjson
    import starlette
    import uvicorn
except ImportError:
    from isoloss._messages.extras import install_command

    raise ImportError(
        f"the explorer needs Starlette, uvicorn and orjson: {install_command('explore')}"
    ) from None
del orjson, starlette, uvicorn

from isoloss.explorer.server import create_app
from isoloss.explorer.serving import serve

__all__ = ["create_app", "serve"]
