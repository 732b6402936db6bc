// The desks that tests have made: each an address of its own, which shares nothing with others.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { begin } from '../entra/calls.mjs';
import { bend, deliver } from '../entra/faults.mjs';
import { Exchange } from '../entra/http.mjs';
import { open } from '../entra/listening.mjs';
import { answerApi } from './api.mjs';
import { Desk } from './desk.mjs';

export class Desks {
    #desks = new Map();

    async make(state) {
        const desk = new Desk(state);
        const id = randomUUID();
        const { address, close } = await open((request, response) =>
            serve(desk, new Exchange(request), response),
        );
        desk.url = address;
        this.#desks.set(id, { desk, close });
        return {
            desk: id,
            url: address,
            client_id: desk.settings.client_id,
            client_secret: desk.settings.client_secret,
            tenant: desk.settings.tenant,
            control: `${this.control}/desks/${id}`,
        };
    }

    get(id) {
        return this.#desks.get(id)?.desk;
    }

    async remove(id) {
        const { close } = this.#desks.get(id);
        this.#desks.delete(id);
        await close();
    }

    close() {
        return Promise.all([...this.#desks.keys()].map((id) => this.remove(id)));
    }
}

async function serve(desk, exchange, response) {
    const end = begin(desk, exchange.path.endsWith('/token') ? 'token' : 'api', exchange);
    // What was sent has arrived, whether or not anybody waits for the answer.
    await exchange.body();
    if (desk.settings.latencyMs) await sleep(desk.settings.latencyMs);
    const answered = await bend(
        desk.faults.take(exchange.label),
        () => answerApi(desk, exchange),
        (code, message) => ({ ClassName: code, Message: message }),
    );
    end(answered);
    deliver(response, answered);
}
