// What Entra answers to a sign-in that it refuses: an OAuth error with Entra's own number.

export class SignInError extends Error {
    constructor(status, error, code, message) {
        super(message);
        Object.assign(this, { status, error, code });
    }

    static unknownTenant(name) {
        return new SignInError(
            400,
            'invalid_request',
            90002,
            `Tenant '${name}' not found. Check to make sure you have the correct tenant ID.`,
        );
    }

    answer({ requestId, clientRequestId }) {
        const timestamp = new Date().toISOString().replace('T', ' ').replace(/\..*/, 'Z');
        return {
            status: this.status,
            headers: { 'cache-control': 'no-store' },
            body: {
                error: this.error,
                error_description: `AADSTS${this.code}: ${this.message} Trace ID: ${requestId} Correlation ID: ${clientRequestId} Timestamp: ${timestamp}`,
                error_codes: [this.code],
                timestamp,
                trace_id: requestId,
                correlation_id: clientRequestId,
            },
        };
    }
}
