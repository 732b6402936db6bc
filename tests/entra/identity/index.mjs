// The sign-in side of a tenant: the token endpoint, the managed identity's address, the pages at
// which people sign in, and what the identity provider publishes about itself.

import { SignInError } from './error.mjs';
import { publishedKeys } from './id-token.mjs';
import { interaction } from './interaction.mjs';
import { managedIdentity } from './managed-identity.mjs';
import { askProvider } from './provider.mjs';
import { tokenEndpoint } from './token-endpoint.mjs';

/** Answers a call under /{tenant}. */
export async function answerIdentity(world, tenant, exchange, response) {
    const [, ...rest] = exchange.segments();
    const route = `${exchange.method} /${rest.join('/')}`;
    try {
        if (route === 'POST /oauth2/v2.0/token')
            return await tokenEndpoint(world, tenant, exchange, response);
        if (route === 'GET /imds/metadata/identity/oauth2/token')
            return await managedIdentity(world, tenant, exchange);
        if (route === 'GET /discovery/v2.0/keys' && tenant.rolledKey)
            return { body: publishedKeys(tenant) };
        if (rest[0] === 'interaction')
            return await interaction(world, tenant, exchange, response);
        return await askProvider(world, tenant, exchange, response);
    } catch (error) {
        if (!(error instanceof SignInError)) throw error;
        return error.answer(exchange);
    }
}
