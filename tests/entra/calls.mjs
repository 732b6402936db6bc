// The log of a tenant's calls: what came, in which order, on which connection, and the answer's
// status. Bodies are left out, and so is every token and every key.

const connections = new WeakMap();
let connectionsSoFar = 0;

/** Numbers a connection that was just taken. */
export function numberConnection(socket) {
    connections.set(socket, ++connectionsSoFar);
}

/**
 * Notes a call that begins; what is returned notes its end. `kind` is "graph", "token" or, for what
 * else the sign-in host answers, "metadata".
 */
export function begin(tenant, kind, { method, url, headers, request }) {
    const entry = {
        kind,
        method,
        path: url,
        status: null,
        userAgent: headers['user-agent'] ?? null,
        ocpClientName: headers['ocp-client-name'] ?? null,
        ocpClientVersion: headers['ocp-client-version'] ?? null,
        clientRequestId: headers['client-request-id'] ?? null,
        consistencyLevel: headers.consistencylevel ?? null,
        contentType: headers['content-type'] ?? null,
        authorization: 'authorization' in headers,
        connection: connections.get(request.socket) ?? null,
        at: Date.now(),
    };
    const { calls, counters } = tenant;
    calls.push(entry);
    if (kind === 'graph') counters.graphCalls += 1;
    if (kind === 'token') counters.tokenRequests += 1;
    counters.inFlight += 1;
    counters.mostInFlight = Math.max(counters.mostInFlight, counters.inFlight);
    return ({ status = 200, hangUp }) => {
        entry.status = hangUp ? null : status;
        entry.took = Date.now() - entry.at;
        counters.inFlight -= 1;
    };
}
