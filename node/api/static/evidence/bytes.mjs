// Bytes, hexadecimal text and big-endian integers.

/** Return the lower-case 0x text of some bytes. */
export function hexText(bytes) {
  return "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Return the bytes of 0x text that is known to be well formed. */
export function bytesOf(text) {
  const bytes = new Uint8Array(text.length / 2 - 1);
  for (let index = 0; index < bytes.length; index++) bytes[index] = parseInt(text.slice(2 * index + 2, 2 * index + 4), 16);
  return bytes;
}

/** Return all parts one behind the other. */
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let start = 0;
  for (const part of parts) {
    whole.set(part, start);
    start += part.length;
  }
  return whole;
}

/** Return the 32-byte word of an integer of at least 0. */
export function word(value) {
  return bytesOf("0x" + value.toString(16).padStart(64, "0"));
}

/** Return the integer that some big-endian bytes are. */
export function integerOf(bytes) {
  return bytes.length ? BigInt(hexText(bytes)) : 0n;
}

/** Return -1, 0 or 1 as one string of bytes comes before, is, or comes after another of its length. */
export function compared(one, other) {
  for (let index = 0; index < one.length; index++) {
    if (one[index] !== other[index]) return one[index] < other[index] ? -1 : 1;
  }
  return 0;
}

/** Say whether two strings of bytes are the same. */
export function same(one, other) {
  return one.length === other.length && compared(one, other) === 0;
}
