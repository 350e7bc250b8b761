"""Builds the order book, the kernel of the call auction, the EVM's loop and tries; the rest is in pyproject.toml."""

from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCES = {
    "market.book._book": "market/book/_book.pyx",
    "market.clearing._uniform": "market/clearing/_uniform.pyx",
    "node.chain._frame": "node/chain/_frame.pyx",
    "node.chain._state": "node/chain/_state.pyx",
    "node.chain._trie": "node/chain/_trie.pyx",
}

# A batch is one loop that holds addresses in registers; left to itself, the compiler calls matching as a function.
ALWAYS_INLINE = [("CYTHON_INLINE", "inline __attribute__((always_inline))")]

setup(
    ext_modules=cythonize(
        [
            Extension(name, [source], define_macros=ALWAYS_INLINE, extra_compile_args=["-O3", "-g0"])
            for name, source in SOURCES.items()
        ],
        build_dir="build/cython",
        language_level=3,
    )
)
