// Keccak-256 as Ethereum has it, with the padding 0x01 that came before SHA-3's.
// Source: the Keccak reference, "Keccak implementation overview"; lanes of 64 bits as two halves of 32.

const RATE = 136; // bytes absorbed at once
const ROUNDS = 24;

// From the step before: where a lane goes and by how many bits it turns (rho and pi), and the round constants (iota).
const PLACES = [], TURNS = [], CONSTANTS = [];
{
  let x = 1, y = 0;
  for (let step = 0; step < 24; step++) {
    [x, y] = [y, (2 * x + 3 * y) % 5];
    PLACES.push(x + 5 * y);
    TURNS.push((((step + 1) * (step + 2)) / 2) % 64);
  }
  let register = 1;
  for (let round = 0; round < ROUNDS; round++) {
    let low = 0, high = 0;
    for (let bit = 0; bit < 7; bit++) {
      register = ((register << 1) ^ ((register >> 7) * 0x71)) & 0xff;
      if (!(register & 2)) continue;
      const place = (1 << bit) - 1;
      if (place < 32) low |= 1 << place;
      else high |= 1 << (place - 32);
    }
    CONSTANTS.push([low, high]);
  }
}

function permute(low, high) {
  const columnLow = new Int32Array(5), columnHigh = new Int32Array(5);
  for (const [constantLow, constantHigh] of CONSTANTS) {
    for (let x = 0; x < 5; x++) {
      columnLow[x] = low[x] ^ low[x + 5] ^ low[x + 10] ^ low[x + 15] ^ low[x + 20];
      columnHigh[x] = high[x] ^ high[x + 5] ^ high[x + 10] ^ high[x + 15] ^ high[x + 20];
    }
    for (let x = 0; x < 5; x++) {
      const before = (x + 4) % 5, after = (x + 1) % 5;
      const mixLow = columnLow[before] ^ ((columnLow[after] << 1) | (columnHigh[after] >>> 31));
      const mixHigh = columnHigh[before] ^ ((columnHigh[after] << 1) | (columnLow[after] >>> 31));
      for (let y = 0; y < 25; y += 5) {
        low[x + y] ^= mixLow;
        high[x + y] ^= mixHigh;
      }
    }
    let carriedLow = low[1], carriedHigh = high[1];
    for (let step = 0; step < 24; step++) {
      const place = PLACES[step], turn = TURNS[step] % 32;
      if (TURNS[step] >= 32) [carriedLow, carriedHigh] = [carriedHigh, carriedLow];
      const turnedLow = turn ? (carriedLow << turn) | (carriedHigh >>> (32 - turn)) : carriedLow;
      const turnedHigh = turn ? (carriedHigh << turn) | (carriedLow >>> (32 - turn)) : carriedHigh;
      carriedLow = low[place];
      carriedHigh = high[place];
      low[place] = turnedLow;
      high[place] = turnedHigh;
    }
    for (let y = 0; y < 25; y += 5) {
      const rowLow = low.slice(y, y + 5), rowHigh = high.slice(y, y + 5);
      for (let x = 0; x < 5; x++) {
        low[y + x] ^= ~rowLow[(x + 1) % 5] & rowLow[(x + 2) % 5];
        high[y + x] ^= ~rowHigh[(x + 1) % 5] & rowHigh[(x + 2) % 5];
      }
    }
    low[0] ^= constantLow;
    high[0] ^= constantHigh;
  }
}

/** Return the 32 bytes of some bytes' hash. */
export function keccak(bytes) {
  const padded = new Uint8Array((Math.floor(bytes.length / RATE) + 1) * RATE);
  padded.set(bytes);
  padded[bytes.length] |= 0x01;
  padded[padded.length - 1] |= 0x80;
  const words = new DataView(padded.buffer), low = new Int32Array(25), high = new Int32Array(25);
  for (let start = 0; start < padded.length; start += RATE) {
    for (let lane = 0; lane < RATE / 8; lane++) {
      low[lane] ^= words.getInt32(start + 8 * lane, true);
      high[lane] ^= words.getInt32(start + 8 * lane + 4, true);
    }
    permute(low, high);
  }
  const digest = new DataView(new ArrayBuffer(32));
  for (let lane = 0; lane < 4; lane++) {
    digest.setInt32(8 * lane, low[lane], true);
    digest.setInt32(8 * lane + 4, high[lane], true);
  }
  return new Uint8Array(digest.buffer);
}
