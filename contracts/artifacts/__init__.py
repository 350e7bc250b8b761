"""Compiled contracts, one JSON file each: abi, bytecode, deployedBytecode, metadata, compiler. Built, never edited."""
