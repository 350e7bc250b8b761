"""Builds the Cython order book and the kernel of the call auction; everything else is in pyproject.toml."""

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCES = {
    "market.book._book": "market/book/_book.pyx",
    "market.clearing._uniform": "market/clearing/_uniform.pyx",
}

setup(
    ext_modules=cythonize(
        [Extension(name, [source], extra_compile_args=["-O3", "-g0"]) for name, source in SOURCES.items()],
        build_dir="build/cython",
        language_level=3,
    )
)
