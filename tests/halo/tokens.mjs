// Tokens: client credentials, with a scope and, where there is one, the tenant.

import { randomBytes } from 'node:crypto';

/** Where tokens are had. */
export function authInfo(desk) {
    const { tenant } = desk.settings;
    return { body: { auth_url: `${desk.url}/auth`, tenant_id: tenant ?? '' } };
}

/** The answer to a request for a token. */
export async function issue(desk, exchange) {
    desk.counters.tokenRequests += 1;
    const form = new URLSearchParams((await exchange.body()).toString());
    const { tenant, client_id, client_secret, scopes, accessTokenLifetime } = desk.settings;
    if ((exchange.query.get('tenant') ?? '') !== (tenant ?? '')) return refusal('invalid_tenant');
    if (form.get('grant_type') !== 'client_credentials') return refusal('unsupported_grant_type');
    if (form.get('client_id') !== client_id) return refusal('invalid_client');
    if (form.get('client_secret') !== client_secret) return refusal('invalid_client');
    const wanted = (form.get('scope') ?? '').split(' ').filter(Boolean);
    const granted = wanted.filter((scope) => scopes.includes(scope));
    if (granted.length === 0) return refusal('invalid_scope');
    const token = randomBytes(24).toString('base64url');
    const until = Date.now() + accessTokenLifetime * 1000;
    desk.tokens.set(token, { granted, until });
    return {
        body: {
            access_token: token,
            token_type: 'Bearer',
            expires_in: accessTokenLifetime,
            scope: granted.join(' '),
        },
    };
}

/** Why a call is refused, if it is. What is in no scope of Clavis's is the configuration's. */
export function authorize(desk, { headers }, scope) {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
    const known = desk.tokens.get(token);
    if (!known || known.until <= Date.now()) return { status: 401, body: '' };
    if (scope && !known.granted.includes(scope))
        return { status: 403, body: { Message: 'You do not have permission' } };
    return undefined;
}

const refusal = (error) => ({ status: 400, body: { error } });
