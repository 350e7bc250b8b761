"""Backups of a node's folder: one file, made beside a running node, checked by itself, restored into a new folder."""
