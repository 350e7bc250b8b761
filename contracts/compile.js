// Reads a solc standard-JSON input on stdin and writes the output to stdout; imports come from src/ and node_modules/.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const solc = require("solc");

function findImport(name) {
  for (const folder of [__dirname, path.join(__dirname, "node_modules")]) {
    const file = path.join(folder, name);
    if (fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
  }
  return { error: `no file ${name}` };
}

const input = fs.readFileSync(0, "utf8");
const output = JSON.parse(solc.compile(input, { import: findImport }));
process.stdout.write(JSON.stringify({ compiler: solc.version(), ...output }));
