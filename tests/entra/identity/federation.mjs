// Workload federation: the token of another issuer, which the application trusts for one subject,
// stands in for a credential.

import { createPublicKey } from 'node:crypto';
import { jose } from '../packages.mjs';
import { SignInError } from './error.mjs';

const AUDIENCE = 'api://AzureADTokenExchange';

/** Throws where the tenant's `federation` does not vouch for this assertion. */
export async function checkFederated({ settings: { federation } }, assertion) {
    const { iss, sub } = jose.decodeJwt(assertion);
    const refuse = (code, message) => new SignInError(401, 'invalid_client', code, message);
    if (federation?.issuer !== iss)
        throw refuse(
            700211,
            `No matching federated identity record found for presented assertion issuer '${iss}'.`,
        );
    if (federation.subject !== sub)
        throw refuse(
            700213,
            `No matching federated identity record found for presented assertion subject '${sub}'.`,
        );
    try {
        await jose.jwtVerify(assertion, keyOf(federation), {
            audience: federation.audience ?? AUDIENCE,
            requiredClaims: ['exp'],
        });
    } catch (error) {
        if (error.code === 'ERR_JWT_EXPIRED')
            throw refuse(700024, 'Client assertion is not within its valid time range.');
        if (error.claim === 'aud')
            throw refuse(
                700212,
                'No matching federated identity record found for presented assertion audience.',
            );
        throw refuse(700027, 'Client assertion failed signature validation.');
    }
}

function keyOf({ publicKey }) {
    return createPublicKey(
        typeof publicKey === 'string' ? publicKey : { key: publicKey, format: 'jwk' },
    );
}
