// Who may call: the bearer token is checked for real, and each call needs one of its roles.

import { jose } from '../packages.mjs';
import { graphAudiences, verifyToken } from '../identity/provider.mjs';
import { GraphError } from './error.mjs';

/** The tenant that a call's token claims to be of; whether it is, `authorize` finds out. */
export function tenantOf(tenants, { headers }) {
    try {
        return tenants.get(jose.decodeJwt(bearer(headers)).tid);
    } catch {
        return undefined;
    }
}

/** The roles of the caller, or a refusal of its token. */
export async function callerRoles(world, tenant, { headers }) {
    let claims;
    try {
        claims = await verifyToken(world, tenant, bearer(headers), graphAudiences(world));
    } catch (error) {
        throw new GraphError(401, 'InvalidAuthenticationToken', tokenMessage(error));
    }
    if (claims.generation < tenant.tokenGeneration) {
        throw new GraphError(
            401,
            'InvalidAuthenticationToken',
            'Continuous access evaluation resulted in challenge: the token was issued before the revocation timestamp.',
        );
    }
    return new Set(claims.roles ?? []);
}

/** Refuses a caller that has none of the roles, in the words of the part of Graph that is asked. */
export function demand(roles, wanted, { code, message }) {
    if (!wanted.some((role) => roles.has(role))) throw new GraphError(403, code, message);
}

function bearer({ authorization = '' }) {
    return /^Bearer (.+)$/i.exec(authorization)?.[1] ?? '';
}

function tokenMessage({ code, claim }) {
    if (code === 'ERR_JWT_EXPIRED') return 'Lifetime validation failed, the token is expired.';
    if (claim === 'aud') return 'Access token validation failure. Invalid audience.';
    return 'Access token validation failure.';
}
