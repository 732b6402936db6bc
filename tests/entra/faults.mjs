// Faults on demand: what a test wants to go wrong, for which calls, how often and how long.
//
// A fault is { match, times, forSeconds } and any of
//   latencyMs            wait before doing anything
//   hold: true           wait until the faults are replaced
//   status, code, body   answer this and do nothing; `code` goes into an error of Graph's shape
//   retryAfter           the header as it is to be sent: seconds or a date
//   headers              more headers
//   garbage: true        answer 200 with something that is not JSON
//   hangUp: true         end the connection and do nothing
//          "after"       do what was asked for, then end the connection without an answer
//          "half"        do what was asked for, then end the connection half way through the answer
//   nextLink             a list's answer gets this next link, whether it had one or not
// `match` is a regular expression on "METHOD /path?query", decoded; without it every call matches.
// The first fault that matches and is not used up counts.

import { setTimeout as sleep } from 'node:timers/promises';
import { bodyText, send } from './http.mjs';

const CODES = {
    400: 'BadRequest',
    401: 'InvalidAuthenticationToken',
    403: 'Authorization_RequestDenied',
    404: 'Request_ResourceNotFound',
    429: 'TooManyRequests',
    500: 'InternalServerError',
    502: 'BadGateway',
    503: 'serviceNotAvailable',
    504: 'GatewayTimeout',
};

export class Faults {
    #faults = [];
    #held = [];

    replace(faults) {
        for (const letGo of this.#held.splice(0)) letGo();
        this.#faults = [];
        this.add(faults);
    }

    add(faults) {
        const from = Date.now();
        for (const fault of [faults].flat()) {
            this.#faults.push({
                ...fault,
                match: new RegExp(fault.match ?? ''),
                held: fault.hold && new Promise((letGo) => this.#held.push(letGo)),
                left: fault.times ?? Infinity,
                until: fault.forSeconds === undefined ? Infinity : from + fault.forSeconds * 1000,
            });
        }
    }

    take(label) {
        const fault = this.#faults.find(
            ({ match, left, until }) => left > 0 && Date.now() < until && match.test(label),
        );
        if (fault) fault.left -= 1;
        return fault;
    }
}

/** Makes the answer to a call, bent by a fault; `produce` runs only where the call is to be done. */
export async function bend(fault, produce, errorBody) {
    if (fault?.latencyMs) await sleep(fault.latencyMs);
    await fault?.held;
    if (!fault) return produce();
    if (fault.hangUp === true) return { hangUp: true };
    if (fault.garbage)
        return { headers: { 'content-type': 'application/json' }, body: '<html>{"value": [' };
    if (fault.status) {
        const code = fault.code ?? CODES[fault.status] ?? 'UnknownError';
        const body = fault.body ?? errorBody(code, `The service answers ${fault.status}.`);
        return { status: fault.status, headers: headersOf(fault), body };
    }
    const answer = await produce();
    if (fault.nextLink && Array.isArray(answer.body?.value))
        answer.body['@odata.nextLink'] = fault.nextLink;
    return { ...answer, headers: { ...answer.headers, ...headersOf(fault) }, hangUp: fault.hangUp };
}

/** Sends an answer, or as much of it as a fault leaves. */
export function deliver(response, answer) {
    if (!answer.hangUp) return send(response, answer);
    if (answer.hangUp !== 'half') return response.socket?.destroy();
    const text = bodyText(answer.body);
    response.writeHead(answer.status ?? 200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
    });
    response.write(text.slice(0, text.length / 2), () => response.socket?.destroy());
}

function headersOf({ retryAfter, headers }) {
    return {
        ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
        ...headers,
    };
}
