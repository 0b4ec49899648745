"""The documentation site: Markdown pages, a gallery that runs, and a reference."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

# after the path is set
import public  # noqa: E402
from numpydoc.xref import DEFAULT_LINKS  # noqa: E402

import isoloss  # noqa: E402

project = "isoloss"
author = "The isoloss developers"
copyright = author
version = release = isoloss.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "commands",
    "docstrings",
    "mathml",
    "pictures",
]
exclude_patterns = ["_build", "examples", "gallery"]
templates_path = ["_templates"]
default_role = "py:obj"
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"  # no script from elsewhere; all browsers draw it by themselves

autosummary_generate = True
_names = public.names()
_lower = [name.lower() for name in _names]
autosummary_filename_map = {  # where file names know no case, Design and design would be one page
    name: f"{name}-class"
    for name in _names
    if _lower.count(name.lower()) > 1 and name != name.lower()
}
autodoc_member_order = "groupwise"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {"npt.ArrayLike": "array_like", "ArrayLike": "array_like"}
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
DEFAULT_LINKS.clear()  # they lead to other projects, whose inventories would have to be fetched
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    name: f"isoloss.{name}"
    for name in ("Band", "BestFilter", "Comparison", "Design", "Problem", "ReachableBand", "Run",
                 "Schedule")
} | {
    "Certificate": "isoloss.proof.Certificate",
    "Designed": "isoloss.estimators.Designed",
    "ExactProblem": "isoloss.proof.ExactProblem",
    "Path": "isoloss.dynamics.Path",
    "Phase": "isoloss.schedules.Phase",
    "Spec": "isoloss.schedules.Spec",
}  # fmt: skip

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "image_scrapers": ("scraper", "matplotlib"),
    "within_subsection_order": "order.GalleryOrder",
    "abort_on_example_error": True,
    "capture_repr": (),
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "download_all_examples": False,
    "copyfile_regex": "",
    "parallel": True,  # as many examples at a time as sphinx -j says
    "plot_gallery": "True",
}
# What a page shows from docs/images on its own is, in the site, the picture that the build made.
pictures = {
    "batches.png": "plot_batches_001",
    "boxes.png": "plot_boxes_001",
    "digits.png": "plot_digits_001",
    "explorer.png": "plot_explorer_001",
    "figure1.png": "plot_figure1_001",
    "forecast.png": "plot_forecast_001",
    "linearised.png": "plot_linearised_001",
    "mlp.png": "plot_mlp_001",
    "probe.png": "plot_probe_001",
    "search.png": "plot_search_001",
    "study_gap.png": "plot_study_gap_001",
    "study_noise.png": "plot_study_noise_001",
    "study_phase.png": "plot_study_phase_001",
}

_mark = "_static/mark.svg"
html_theme = "pydata_sphinx_theme"
html_title = "isoloss"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = _mark
html_copy_source = html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_sidebars = {"index": [], "start": [], "paper": [], "idea": []}
html_theme_options = {
    "logo": {"image_light": _mark, "image_dark": _mark, "text": "isoloss"},
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
