// A call that Graph refuses.

export class GraphError extends Error {
    constructor(status, code, message) {
        super(message);
        Object.assign(this, { status, code });
    }

    static badRequest(message, code = 'BadRequest') {
        return new GraphError(400, code, message);
    }

    static unsupported(message) {
        return new GraphError(400, 'Request_UnsupportedQuery', message);
    }

    static notFound(name) {
        return new GraphError(
            404,
            'Request_ResourceNotFound',
            `Resource '${name}' does not exist or one of its queried reference-property objects are not present.`,
        );
    }

    answer({ requestId, clientRequestId }) {
        const innerError = {
            date: new Date().toISOString().replace(/\..*/, ''),
            'request-id': requestId,
            'client-request-id': clientRequestId,
        };
        return {
            status: this.status,
            body: { error: { code: this.code, message: this.message, innerError } },
        };
    }
}
