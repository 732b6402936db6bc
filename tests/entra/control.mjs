// The side that tests hold: they make tenants, change them, and read what happened. `start` lists
// the calls.

import { rollKey } from './identity/id-token.mjs';
import { issuer, providerOf } from './identity/provider.mjs';

/** Answers a call under /control. */
export async function control(world, exchange) {
    const { method } = exchange;
    const [, kind, id, what] = exchange.segments();
    if (kind === 'elsewhere') return { body: world.elsewhere.requests };
    if (kind !== 'tenants') return refusal(404, 'there is no such call');
    const given = (await exchange.body()).toString();
    let state;
    try {
        state = given ? JSON.parse(given) : {};
        if (!id)
            return method === 'POST'
                ? made(world, world.tenants.make(state))
                : refusal(405, 'POST makes a tenant');
        const tenant = world.tenants.get(id);
        if (!tenant) return refusal(404, 'there is no such tenant');
        const answer = await CALLS[`${method} ${what ?? ''}`.trim()]?.(world, tenant, state);
        return answer ?? refusal(404, 'there is no such call');
    } catch (error) {
        return refusal(400, String(error));
    }
}

const CALLS = {
    PATCH: (_, tenant, state) => done(tenant.change(state)),
    DELETE: (world, tenant) => done(world.tenants.remove(tenant.id)),
    'PUT faults': (_, tenant, faults) => done(tenant.faults.replace(faults)),
    'POST faults': (_, tenant, faults) => done(tenant.faults.add(faults)),
    'DELETE faults': (_, tenant) => done(tenant.faults.replace([])),
    'POST expire-tokens': (_, tenant) => done(tenant.expireTokens()),
    'POST roll-key': async (_, tenant, { alg, keepsName }) =>
        done(await rollKey(tenant, alg, keepsName)),
    'GET calls': (_, { calls, counters }) => ({ body: { counters, calls } }),
    'DELETE calls': (_, tenant) => done(tenant.forgetCalls()),
    'GET audit': (_, { audit }) => ({ body: audit }),
    'GET rotations': (_, { rotations }) => ({ body: rotations }),
    'GET mails': (_, { mails }) => ({ body: mails }),
    'GET elsewhere': ({ elsewhere }, { id }) => ({
        body: elsewhere.requests.filter(({ url }) => url.includes(id)),
    }),
};

function made(world, tenant) {
    const { login, graph, tls } = world.address;
    // Building the provider takes a moment, which is not to fall into a test's first sign-in.
    providerOf(world, tenant);
    return {
        status: 201,
        body: {
            tenant: tenant.id,
            client_id: tenant.settings.client_id,
            client_secret: tenant.settings.client_secret,
            graph,
            login,
            tls,
            issuer: issuer(world, tenant),
            token_url: `${login}/${tenant.id}/oauth2/v2.0/token`,
            imds: `${login}/${tenant.id}/imds`,
            control: `${world.address.control}/tenants/${tenant.id}`,
        },
    };
}

const done = () => ({ status: 204 });
const refusal = (status, error) => ({ status, body: { error } });
