// The address inside a virtual machine that gives out tokens of its managed identity. The real one
// knows no tenant and has no prefix; here each tenant has its own.

import { same } from '../tenants.mjs';
import { issueToken, resources } from './provider.mjs';

export async function managedIdentity(world, tenant, { query, headers }) {
    if (headers.metadata?.toLowerCase() !== 'true')
        return refuse('Required metadata header not specified');
    // A request that came through a proxy is not the machine's own.
    if ('x-forwarded-for' in headers) return refuse('Request contains an X-Forwarded-For header');
    if (query.get('api-version') !== '2018-02-01')
        return refuse("Required query variable 'api-version' is missing or unsupported");
    const resource = query.get('resource')?.replace(/\/$/, '');
    if (!resource) return refuse("Required query variable 'resource' is missing");
    if (!(resource in resources(world, tenant)))
        return refuse(
            `AADSTS500011: The resource principal named ${resource} was not found`,
            'invalid_resource',
        );
    const { client_id } = tenant.settings.managedIdentity;
    const wanted = query.get('client_id');
    if (wanted !== undefined && !same(wanted, client_id ?? tenant.settings.client_id))
        return refuse('Identity not found');

    const { value, expiresIn } = await issueToken(world, tenant, resource);
    const now = Math.floor(Date.now() / 1000);
    return {
        body: {
            access_token: value,
            client_id: client_id ?? tenant.settings.client_id,
            expires_in: String(expiresIn),
            expires_on: String(now + expiresIn),
            ext_expires_in: String(expiresIn),
            not_before: String(now - 300),
            resource,
            token_type: 'Bearer',
        },
    };
}

function refuse(error_description, error = 'invalid_request') {
    return { status: 400, body: { error, error_description } };
}
