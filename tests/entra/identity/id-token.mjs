// ID tokens as a test wants them: signed by a key that has rolled over, or wrong in one of the ways
// in which a token can be.
//
// A tenant's `idToken` is any of
//   claims     these in place of what the provider says; null leaves a claim out
//   header     these in the token's head
//   alg        "none", or "HS256" with the client's secret for a key
//   signedBy   "stranger": a key that nobody publishes, under the name of the one that is

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { jose } from '../packages.mjs';
import { signingKey } from './signing-key.mjs';

/** The tenant signs ID tokens with a new key from now on, and publishes it alone; under a new name,
 * or that of the key before it. */
export async function rollKey(tenant, alg = 'RS256', keepsName = false) {
    const { privateKey } = pair(alg);
    const kid = keepsName ? (tenant.rolledKey ?? signingKey).kid : randomUUID();
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
    tenant.rolledKey = jwk;
}

/** The keys of a tenant whose key has rolled over. */
export function publishedKeys({ rolledKey }) {
    const { d, p, q, dp, dq, qi, ...published } = rolledKey;
    return { keys: [published] };
}

export async function bentIdToken(tenant, token) {
    const { claims, header, alg, signedBy } = tenant.settings.idToken;
    const key = tenant.rolledKey ?? signingKey;
    if (!tenant.rolledKey && !claims && !header && !alg && !signedBy) return token;
    const said = Object.entries({ ...jose.decodeJwt(token), ...claims });
    const payload = Object.fromEntries(said.filter(([, value]) => value !== null));
    if (alg === 'none') {
        const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
        return `${part({ alg: 'none', typ: 'JWT' })}.${part(payload)}.`;
    }
    const signer = new jose.SignJWT(payload);
    if (alg === 'HS256') {
        const secret = new TextEncoder().encode(tenant.settings.client_secret);
        return signer.setProtectedHeader({ alg, typ: 'JWT' }).sign(secret);
    }
    signer.setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header });
    if (signedBy === 'stranger') return signer.sign(pair(key.alg).privateKey);
    return signer.sign(await jose.importJWK(key, key.alg));
}

function pair(alg) {
    return alg.startsWith('ES')
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
}
