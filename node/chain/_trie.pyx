# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Merkle Patricia tries, read and changed by way of decoded nodes; all changes of a block are made in one pass.

A node is a list as its RLP has it: seventeen items of a branch, or two of a leaf or an extension, path first. A child is
the hash of its node, the node itself (where its RLP is shorter than a hash), or empty. Nodes that were loaded are shared
and never changed: what changes is built anew, and encoded once, when everything is in its place.
Source: yellow paper, appendices B to D. Refuses: a trie of which a node is missing (`KeyError`).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from sha3 import keccak_256

cdef enum:
    DEPTH_MAX = 64  # Nodes nest no deeper than a key has nibbles.

cdef bytes EMPTY = b""
cdef bytes EMPTY_ROOT = keccak_256(b"\x80").digest()
DECODED_MAX = 100_000
"""Nodes that are remembered decoded, some 100 MB at most; when there are more, all are forgotten."""


cdef class Tries:
    """All tries whose nodes lie in one place."""

    cdef object load
    cdef dict decoded

    def __init__(self, load, dict decoded):
        """Take what returns a node's RLP by its hash or raises, and what remembers nodes decoded."""
        self.load = load
        self.decoded = decoded

    def get(self, bytes root, bytes key):
        """Return the value under a key of 32 bytes, empty when there is none.

        Raises:
            KeyError: as `load` does.
        """
        cdef bytes path = nibbles(key), own
        cdef Py_ssize_t position = 0
        cdef list node = self.root_node(root)
        while node is not None:
            if len(node) == 17:
                child = node[<unsigned char> path[position]]
                position += 1
            else:
                own = path_of(node)
                if path[position : position + len(own)] != own:
                    return EMPTY
                if is_leaf(node):
                    return node[1]
                position += len(own)
                child = node[1]
            node = self.resolved(child)
        return EMPTY

    def update(self, bytes root, dict changes, dict nodes):
        """Return the root of a trie after changes.

        Args:
            root: Of the trie before.
            changes: New values by key; empty ones remove it. No key begins another.
            nodes: Takes the RLP of new nodes by hash.
        Raises:
            KeyError: as `load` does.
        """
        cdef list items = sorted([(nibbles(key), value) for key, value in changes.items()])
        cdef list before = self.root_node(root)
        cdef list node = self.updated(before, items, 0)
        if node is before:
            return root
        if node is None:
            return EMPTY_ROOT
        encoded = self.encoded(node, nodes)
        return self.kept(node, encoded, nodes)

    cdef list root_node(self, bytes root):
        return None if root == EMPTY_ROOT else self.resolved(root)

    cdef list resolved(self, child):
        """Return the node that a child is, or None."""
        cdef list node
        if isinstance(child, list):
            return child
        if not child:
            return None
        found = self.decoded.get(child)
        if found is not None:
            return found
        node = decode(self.load(child))
        self.remember(child, node)
        return node

    cdef int remember(self, bytes digest, list node) except -1:
        if len(self.decoded) >= DECODED_MAX:
            self.decoded.clear()
        self.decoded[digest] = node
        return 0

    # -- CHANGES

    cdef list updated(self, list node, list items, Py_ssize_t depth):
        """Return a node after changes to what is under it: the same when there are none, None when nothing is left."""
        if node is None:
            return built([item for item in items if item[1]], depth)
        if len(node) == 17:
            return self.updated_branch(node, items, depth)
        return self.updated_short(node, items, depth)

    cdef list updated_branch(self, list node, list items, Py_ssize_t depth):
        cdef list result = node, before, after
        cdef Py_ssize_t first = 0, end
        cdef int nibble
        while first < len(items):
            nibble = nibble_at(items, first, depth)
            end = first + 1
            while end < len(items) and nibble_at(items, end, depth) == nibble:
                end += 1
            before = self.resolved(node[nibble])
            after = self.updated(before, items[first:end], depth + 1)
            if after is not before:
                if result is node:
                    result = list(node)
                result[nibble] = EMPTY if after is None else after
            first = end
        return result if result is node else self.collapsed(result)

    cdef list collapsed(self, list branch):
        """Return what stands for a branch that may have lost children."""
        cdef int nibble, count = 0, last = 0
        for nibble in range(16):
            if branch[nibble]:
                count += 1
                last = nibble
        if count > 1:
            return branch
        return None if count == 0 else joined(bytes([last]), self.resolved(branch[last]))

    cdef list updated_short(self, list node, list items, Py_ssize_t depth):
        cdef bytes own = path_of(node)
        cdef Py_ssize_t length = len(own), common
        cdef bint leaf = is_leaf(node)
        cdef list before, after, branch
        items = [item for item in items if item[1] or item[0][depth : depth + length] == own]
        if not items:
            return node
        common = min([agreement(own, item[0], depth) for item in items])
        if common < length:
            branch = [EMPTY] * 17
            if leaf or common + 1 < length:
                branch[own[common]] = short(own[common + 1 :], leaf, node[1])
            else:
                branch[own[common]] = node[1]
            return joined(own[:common], self.updated_branch(branch, items, depth + common))
        if leaf:
            value = items[0][1]
            if value == node[1]:
                return node
            return short(own, True, value) if value else None
        before = self.resolved(node[1])
        after = self.updated(before, items, depth + length)
        return node if after is before else joined(own, after)

    # -- ENCODING

    cdef bytes encoded(self, list node, dict nodes):
        """Return the RLP of a node; its children become what refers to them."""
        cdef Py_ssize_t index
        cdef bytes encoded
        cdef list parts = []
        for index in range(len(node)):
            item = node[index]
            if isinstance(item, list):
                encoded = self.encoded(item, nodes)
                if PyBytes_GET_SIZE(encoded) >= 32:
                    node[index] = self.kept(item, encoded, nodes)
                    encoded = b"\xa0" + <bytes> node[index]
                parts.append(encoded)
            else:
                parts.append(encode_string(item))
        return with_length(0xC0, b"".join(parts))

    cdef bytes kept(self, list node, bytes encoded, dict nodes):
        cdef bytes digest = keccak_256(encoded).digest()
        nodes[digest] = encoded
        self.remember(digest, node)
        return digest


cdef list built(list items, Py_ssize_t depth):
    """Return the node over items that agree before a depth, or None when there are none."""
    cdef Py_ssize_t count = len(items), common, first = 0, end
    cdef list branch
    cdef int nibble
    cdef bytes key
    if not count:
        return None
    key = items[0][0]
    if count == 1:
        return short(key[depth:], True, items[0][1])
    common = agreement(key[depth:], items[count - 1][0], depth)
    branch = [EMPTY] * 17
    while first < count:
        nibble = nibble_at(items, first, depth + common)
        end = first + 1
        while end < count and nibble_at(items, end, depth + common) == nibble:
            end += 1
        branch[nibble] = built(items[first:end], depth + common + 1)
        first = end
    return joined(key[depth : depth + common], branch)


cdef list joined(bytes path, list node):
    """Return a node behind a path."""
    if node is None or not path:
        return node
    if len(node) == 17:
        return short(path, False, node)
    return short(path + path_of(node), is_leaf(node), node[1])


cdef int nibble_at(list items, Py_ssize_t index, Py_ssize_t depth) except -1:
    return (<bytes> (<tuple> items[index])[0])[depth]


cdef Py_ssize_t agreement(bytes own, bytes key, Py_ssize_t depth):
    """Return in how many nibbles a path and a key from a depth on agree."""
    cdef Py_ssize_t index = 0, most = min(PyBytes_GET_SIZE(own), PyBytes_GET_SIZE(key) - depth)
    while index < most and own[index] == key[depth + index]:
        index += 1
    return index


# -- PATHS

cdef bytes nibbles(bytes key):
    cdef Py_ssize_t index, size = PyBytes_GET_SIZE(key)
    cdef const unsigned char *source = <const unsigned char *> PyBytes_AS_STRING(key)
    cdef bytes result = PyBytes_FromStringAndSize(NULL, 2 * size)
    cdef char *target = PyBytes_AS_STRING(result)
    for index in range(size):
        target[2 * index] = source[index] >> 4
        target[2 * index + 1] = source[index] & 15
    return result


cdef bint is_leaf(list node):
    return (<bytes> node[0])[0] & 0x20 != 0


cdef bytes path_of(list node):
    cdef bytes both = nibbles(node[0])
    return both[1:] if both[0] & 1 else both[2:]


cdef list short(bytes path, bint leaf, child):
    """Return a leaf or an extension (hex-prefix encoding)."""
    cdef Py_ssize_t index, size = PyBytes_GET_SIZE(path), odd = size & 1
    cdef bytes result = PyBytes_FromStringAndSize(NULL, size // 2 + 1)
    cdef char *target = PyBytes_AS_STRING(result)
    cdef const char *source = PyBytes_AS_STRING(path)
    target[0] = (2 * leaf + odd) << 4 | (source[0] if odd else 0)
    for index in range(size // 2):
        target[index + 1] = source[2 * index + odd] << 4 | source[2 * index + odd + 1]
    return [result, child]


# -- RLP

def encode_rlp(item):
    """Return the RLP of bytes, or of a list of bytes and lists."""
    if isinstance(item, list):
        return with_length(0xC0, b"".join([encode_rlp(part) for part in item]))
    return encode_string(item)


def decode_rlp(bytes encoded):
    """Return the bytes, or the list of bytes and lists, in RLP.

    Raises:
        ValueError: it is cut short, goes on, could be shorter, or nests deeper than anything of Ethereum's.
    """
    cdef Py_ssize_t position = 0
    item = decode_item(encoded, &position, len(encoded), 0)
    if position != len(encoded):
        raise ValueError("RLP goes on")
    return item


cdef bytes encode_string(bytes value):
    if PyBytes_GET_SIZE(value) == 1 and <unsigned char> value[0] < 0x80:
        return value
    return with_length(0x80, value)


cdef bytes with_length(int offset, bytes payload):
    cdef Py_ssize_t size = PyBytes_GET_SIZE(payload)
    if size < 56:
        return bytes((offset + size,)) + payload
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((offset + 55 + len(length),)) + length + payload


cdef list decode(bytes encoded):
    """Return a node; the nodes of a trie are ours, and their RLP is as it should be."""
    node = decode_rlp(encoded)
    if not isinstance(node, list) or len(node) not in (2, 17):
        raise ValueError("no node of a trie")
    return node


cdef object decode_item(bytes encoded, Py_ssize_t *position, Py_ssize_t size, int depth):
    cdef const unsigned char *data = <const unsigned char *> PyBytes_AS_STRING(encoded)
    cdef Py_ssize_t at = position[0], length, start
    cdef int first, index
    cdef list items
    if at >= size:
        raise ValueError("RLP ends too early")
    if depth > DEPTH_MAX:
        raise ValueError("RLP nests too deep")
    first = data[at]
    if first < 0x80:
        position[0] = at + 1
        return encoded[at : at + 1]
    length = (first & 0x3F) if first < 0xC0 else first - 0xC0
    start = at + 1
    if length > 55:
        start += length - 55
        if start > size or length > 59:
            raise ValueError("RLP ends too early")
        length = 0
        for index in range(at + 1, start):
            length = length << 8 | data[index]
        if length < 56 or not data[at + 1]:
            raise ValueError("RLP has a length that could be shorter")
    if length > size - start:
        raise ValueError("RLP ends too early")
    position[0] = start + length
    if first < 0xC0:
        if length == 1 and data[start] < 0x80:
            raise ValueError("RLP has a byte that could stand alone")
        return encoded[start : start + length]
    items = []
    while start < position[0]:
        at = start
        items.append(decode_item(encoded, &at, position[0], depth + 1))
        start = at
    return items
