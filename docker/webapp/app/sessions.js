// Sessions kept in memory, as the lab's webapp keeps them: each server knows only its own, which
// is what makes the lack of stickiness visible. Bounded: the oldest go first.
'use strict';

const crypto = require('crypto');

const AT_MOST = 10_000;

class Sessions {
  constructor(name) {
    this.name = name;
    this.known = new Map();
  }

  // The session that a Cookie header names, or a new one and the cookie to set for it.
  of(header) {
    const id = this.named(header);
    const session = id && this.known.get(id);
    return session ? { session, id } : this.open();
  }

  named(header = '') {
    const pairs = header.split(';').map((pair) => pair.trim());
    const pair = pairs.find((text) => text.startsWith(`${this.name}=`));
    return pair && pair.slice(this.name.length + 1);
  }

  open() {
    const id = crypto.randomBytes(24).toString('base64url');
    const session = { views: 0 };
    if (this.known.size >= AT_MOST) {
      this.known.delete(this.known.keys().next().value);
    }
    this.known.set(id, session);
    return { session, id, cookie: `${this.name}=${id}; Path=/; HttpOnly` };
  }
}

module.exports = { Sessions };
