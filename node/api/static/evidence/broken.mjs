// How a link breaks: the name of a fault in oracles/evidence_links.py, and the facts that fill its text.

/** A link does not hold. */
export class Broken extends Error {
  constructor(fault, facts = {}) {
    super(fault);
    this.fault = fault;
    this.facts = facts;
  }
}
