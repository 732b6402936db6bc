// Webhooks out: JSON with a Basic credential or none, no signature; doubled, batched, late or lost
// where a test wants it.
//
// A webhook is { url, user, password } and any of
//   lose      so many of the next messages are never sent
//   double    each message is sent twice
//   batch     so many tickets are kept back, and sent as one array
//   delayMs   each message is late

import { setTimeout as sleep } from 'node:timers/promises';

export class Webhook {
    #desk;
    #kept = [];
    #going = new Set();
    /** What was sent, and what came back. */
    sent = [];

    constructor(desk) {
        this.#desk = desk;
    }

    tell(ticket, action) {
        const settings = this.#desk.settings.webhook;
        if (!settings) return;
        if (settings.lose > 0) {
            settings.lose -= 1;
            return;
        }
        const message = {
            id: this.#desk.now(),
            event: action ? 'New Action' : 'Ticket Updated',
            ticket: structuredClone(ticket),
            ...(action ? { action: structuredClone(action) } : {}),
        };
        if (settings.batch > 1) {
            this.#kept.push(message);
            if (this.#kept.length < settings.batch) return;
            this.#send(settings, this.#kept.splice(0));
        } else this.#send(settings, message);
        if (settings.double) this.#send(settings, message);
    }

    /** Sends what is kept back, and waits until all that is on its way has arrived. */
    async flush() {
        const settings = this.#desk.settings.webhook;
        if (settings && this.#kept.length > 0) this.#send(settings, this.#kept.splice(0));
        await Promise.all(this.#going);
    }

    #send(settings, body) {
        const going = post(settings, body)
            .catch((error) => String(error))
            .then((status) => this.sent.push({ body, status }))
            .finally(() => this.#going.delete(going));
        this.#going.add(going);
    }
}

async function post({ url, user, password, delayMs = 0 }, body) {
    await sleep(delayMs);
    const credential = Buffer.from(`${user}:${password}`).toString('base64');
    const { status } = await fetch(url, {
        method: 'POST',
        headers: {
            'content-type': 'application/json',
            ...(user === undefined ? {} : { authorization: `Basic ${credential}` }),
        },
        body: JSON.stringify(body),
    });
    return status;
}
