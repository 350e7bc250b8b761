"""Builds the Cython order book; everything else is in pyproject.toml."""

from Cython.Build import cythonize
from setuptools import Extension, setup

setup(
    ext_modules=cythonize(
        [Extension("market.book._book", ["market/book/_book.pyx"], extra_compile_args=["-O3", "-g0"])],
        build_dir="build/cython",
        language_level=3,
    )
)
