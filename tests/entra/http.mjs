// One HTTP exchange as the rest of the double sees it: a request that was read, and an answer that
// is a plain value until it is sent. Faults can therefore bend any answer, whoever made it.

import { randomUUID } from 'node:crypto';

export class Exchange {
    constructor(request) {
        const [path, query = ''] = request.url.split(/\?(.*)/s);
        this.request = request;
        this.method = request.method;
        this.headers = request.headers;
        this.url = request.url;
        this.origin = `${request.socket.encrypted ? 'https' : 'http'}://${request.headers.host}`;
        this.path = path;
        this.rawQuery = query;
        this.query = parseQuery(query);
        this.label = `${request.method} ${decode(request.url)}`;
        this.requestId = randomUUID();
        this.clientRequestId = request.headers['client-request-id'] ?? this.requestId;
    }

    /** The whole body; a second call gives the same. */
    body() {
        this.reading ??= readAll(this.request);
        return this.reading;
    }

    /** The path's segments, decoded. */
    segments() {
        return this.path.split('/').filter(Boolean).map(decode);
    }
}

/** `body` is an object, which is sent as JSON, or text, or nothing. */
export function send(response, { status = 200, headers = {}, body }) {
    const text = bodyText(body);
    const type =
        typeof body === 'object' ? { 'content-type': 'application/json; charset=utf-8' } : {};
    response.writeHead(status, { ...type, 'content-length': Buffer.byteLength(text), ...headers });
    response.end(text);
}

export function bodyText(body) {
    if (body === undefined) return '';
    return typeof body === 'string' ? body : JSON.stringify(body);
}

// `+` is left alone: in a path or a filter it is a plus, and a client that means a space sends %20.
function parseQuery(query) {
    const pairs = query
        .split('&')
        .filter(Boolean)
        .map((pair) => pair.split(/=(.*)/s));
    return new Map(pairs.map(([name, value = '']) => [decode(name), decode(value)]));
}

function decode(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

async function readAll(request) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    return Buffer.concat(chunks);
}
