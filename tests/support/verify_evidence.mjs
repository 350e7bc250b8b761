// Reads lines of JSON {text, trusted} and answers each with the links that the page's verifier finds.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { verify } = await import(pathToFileURL(process.argv[2]));
for await (const line of createInterface({ input: process.stdin })) {
  const { text, trusted } = JSON.parse(line);
  const shown = (_key, value) => (typeof value === "bigint" ? value.toString() : value);
  console.log(JSON.stringify(verify(text, trusted), shown));
}
