// Whose key signed: recovery of the signer on the curve secp256k1, y² = x³ + 7.
// Only public values pass through here, so nothing needs to take the same time whatever its value.
// Refuses (null): all but 65 bytes r || s || v with v 27 or 28 and s in the lower half. Source: SEC 1, 4.1.6; EIP-2.

import { hexText, integerOf, word, joined } from "./bytes.mjs";
import { keccak } from "./keccak.mjs";

const FIELD = 2n ** 256n - 2n ** 32n - 977n;
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const GENERATOR = [
  0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n,
  0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n,
  1n,
];
const NOWHERE = [0n, 1n, 0n]; // the point at infinity, in Jacobian coordinates

const remainder = (value, modulus) => ((value % modulus) + modulus) % modulus;

function inverse(value, modulus) {
  let [low, high] = [remainder(value, modulus), modulus], [x, y] = [1n, 0n];
  while (low > 1n) {
    const ratio = high / low;
    [low, high] = [high - ratio * low, low];
    [x, y] = [y - ratio * x, x];
  }
  return remainder(x, modulus);
}

function power(base, exponent) {
  let result = 1n;
  for (; exponent; exponent >>= 1n, base = (base * base) % FIELD) if (exponent & 1n) result = (result * base) % FIELD;
  return result;
}

function doubled([x, y, z]) {
  if (!z || !y) return NOWHERE;
  const ySquared = (y * y) % FIELD, middle = (4n * x * ySquared) % FIELD, slope = (3n * x * x) % FIELD;
  const newX = remainder(slope * slope - 2n * middle, FIELD);
  return [newX, remainder(slope * (middle - newX) - 8n * ySquared * ySquared, FIELD), (2n * y * z) % FIELD];
}

function added(one, other) {
  if (!one[2]) return other;
  if (!other[2]) return one;
  const zOne = (one[2] * one[2]) % FIELD, zOther = (other[2] * other[2]) % FIELD;
  const xOne = (one[0] * zOther) % FIELD, yOne = (one[1] * zOther * other[2]) % FIELD;
  const run = remainder(other[0] * zOne - xOne, FIELD);
  const rise = remainder(other[1] * zOne * one[2] - yOne, FIELD);
  if (!run) return rise ? NOWHERE : doubled(one);
  const square = (run * run) % FIELD, cube = (run * square) % FIELD, middle = (xOne * square) % FIELD;
  const x = remainder(rise * rise - cube - 2n * middle, FIELD);
  return [x, remainder(rise * (middle - x) - yOne * cube, FIELD), (run * one[2] * other[2]) % FIELD];
}

/** Return one times one point plus other times another, by Shamir's trick. */
function combined(one, onePoint, other, otherPoint) {
  const both = added(onePoint, otherPoint);
  let sum = NOWHERE;
  for (let bit = 255n; bit >= 0n; bit--) {
    sum = doubled(sum);
    const [left, right] = [(one >> bit) & 1n, (other >> bit) & 1n];
    if (left || right) sum = added(sum, left && right ? both : left ? onePoint : otherPoint);
  }
  return sum;
}

/** Return the address (0x text) whose key signed a digest of 32 bytes; null if the signature is no valid one. */
export function signerOf(digest, signature) {
  if (signature.length !== 65 || (signature[64] !== 27 && signature[64] !== 28)) return null;
  const r = integerOf(signature.subarray(0, 32)), s = integerOf(signature.subarray(32, 64));
  if (!r || r >= ORDER || !s || s > ORDER / 2n) return null;
  const square = (power(r, 3n) + 7n) % FIELD;
  let y = power(square, (FIELD + 1n) / 4n);
  if ((y * y) % FIELD !== square) return null;
  if (Number(y & 1n) !== signature[64] - 27) y = FIELD - y;
  const inverted = inverse(r, ORDER);
  const key = combined(
    remainder(-integerOf(digest) * inverted, ORDER), GENERATOR,
    (s * inverted) % ORDER, [r, y, 1n],
  );
  if (!key[2]) return null;
  const z = inverse(key[2], FIELD), zSquared = (z * z) % FIELD;
  const place = joined(word((key[0] * zSquared) % FIELD), word((key[1] * zSquared * z) % FIELD));
  return hexText(keccak(place).subarray(12));
}
