// The identity provider itself: one `oidc-provider` for each tenant, with the tenant's application
// as its only client. It checks secrets, assertions and codes and signs the tokens.

import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { Provider, errors, jose } from '../packages.mjs';
import { SCOPES, accountOf } from './account.mjs';
import { publicKey, signingKey } from './signing-key.mjs';

const providers = new WeakMap();
// The provider knows one way of signing in for each client, so the request that runs says which.
const authentication = new AsyncLocalStorage();
const BY_SECRET = { token_endpoint_auth_method: 'client_secret_post' };
export const BY_SECRET_IN_HEAD = { token_endpoint_auth_method: 'client_secret_basic' };

export function issuer(world, tenant) {
    return `${world.address.login}/${tenant.id}`;
}

/** Whom a token for Graph is for: the real one, also where another address stands for it. */
export function graphAudiences(world) {
    return [world.address.graph, 'https://graph.microsoft.com'];
}

/** Which resources a tenant has, and the roles that the application was granted on each. */
export function resources(world, { settings }) {
    const graph = graphAudiences(world).map((audience) => [audience, settings.roles]);
    return { ...Object.fromEntries(graph), ...settings.otherResources };
}

/** The resource that a scope names, or nothing where the scope is not of the form that Entra wants. */
export function resourceOf(scope) {
    return /^(.+)\/\.default$/.exec(scope ?? '')?.[1];
}

/** The claims of a token of this tenant for this audience; throws where it is not one. */
export async function verifyToken(world, tenant, token, audience) {
    const { payload } = await jose.jwtVerify(token, publicKey, {
        issuer: issuer(world, tenant),
        audience,
        algorithms: ['RS256'],
    });
    return payload;
}

/** Hands a request to the provider, whose answer comes back unsent; `form` stands for its body. */
export async function askProvider(world, tenant, { request }, response, form, signIn = BY_SECRET) {
    // The provider's own addresses begin with the tenant's part of the path, which is its mount.
    request.originalUrl = request.url;
    request.url = request.url.slice(`/${tenant.id}`.length) || '/';
    request.body = form;
    const { provider, answers } = providerOf(world, tenant);
    await authentication.run(signIn, () => provider.callback()(request, response));
    return answers.get(request);
}

/** A token for the application, without any sign-in. */
export async function issueToken(world, tenant, resource) {
    const { provider } = providerOf(world, tenant);
    const client = await authentication.run(BY_SECRET, () =>
        provider.Client.find(tenant.settings.client_id),
    );
    const token = new provider.ClientCredentials({ client });
    token.resourceServer = new provider.ResourceServer(resource, resourceServer(tenant, resource));
    return { value: await token.save(), expiresIn: token.expiration };
}

export function providerOf(world, tenant) {
    if (!providers.has(tenant)) providers.set(tenant, makeProvider(world, tenant));
    return providers.get(tenant);
}

function makeProvider(world, tenant) {
    const provider = new Provider(issuer(world, tenant), {
        adapter: (model) => new Memory(model, tenant),
        jwks: { keys: [signingKey] },
        cookies: { keys: [randomUUID()] },
        routes: {
            authorization: '/oauth2/v2.0/authorize',
            end_session: '/oauth2/v2.0/logout',
            token: '/oauth2/v2.0/token',
            jwks: '/discovery/v2.0/keys',
        },
        clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
        enabledJWA: { clientAuthSigningAlgValues: ['PS256', 'RS256'] },
        responseTypes: ['code'],
        pkce: { required: () => true },
        scopes: Object.keys(SCOPES),
        claims: SCOPES,
        // Entra has the claims in the ID token.
        conformIdTokenClaims: false,
        findAccount: (_, id) => accountOf(tenant, id),
        loadExistingGrant: consented,
        interactions: { url: (_, { uid }) => `/${tenant.id}/interaction/${uid}` },
        features: {
            devInteractions: { enabled: false },
            rpInitiatedLogout: { enabled: true, logoutSource: askWhetherToSignOut },
            clientCredentials: { enabled: true },
            resourceIndicators: {
                enabled: true,
                defaultResource: (ctx) => resourceOf(ctx.oidc.params.scope),
                getResourceServerInfo(_, resource) {
                    if (!(resource in resources(world, tenant))) throw new errors.InvalidTarget();
                    return resourceServer(tenant, resource);
                },
            },
        },
        ttl: { ClientCredentials: () => tenant.settings.accessTokenLifetime },
        extraTokenClaims: (_, { aud }) => claims(tenant, resources(world, tenant)[aud]),
    });
    provider.on('client_credentials.issued', () => {
        tenant.counters.tokensIssued += 1;
    });
    provider.on('server_error', (_, error) => console.error(error));

    const answers = new WeakMap();
    provider.use(async (ctx, next) => {
        await next();
        answers.set(ctx.req, { status: ctx.status, body: ctx.body });
        ctx.respond = false;
    });
    return { provider, answers };
}

function resourceServer({ settings }, resource) {
    return {
        scope: '',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: settings.accessTokenLifetime,
        jwt: { sign: { alg: 'RS256' } },
    };
}

function claims({ id, settings, tokenGeneration }, roles) {
    return {
        tid: id,
        appid: settings.client_id,
        azp: settings.client_id,
        idtyp: 'app',
        ver: '1.0',
        generation: tokenGeneration,
        // Entra leaves the claim out where nothing was granted.
        ...(roles?.length ? { roles } : {}),
    };
}

/** Nobody is asked whether the application may know who they are. */
async function consented({ oidc }) {
    const { accountId } = oidc.session;
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId });
    grant.addOIDCScope(Object.keys(SCOPES).join(' '));
    await grant.save();
    return grant;
}

function askWhetherToSignOut(ctx, form) {
    ctx.body = `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">
        <title>Sign out</title><h1>Sign out of the provider of the tests?</h1>${form}
        <button form="op.logoutForm" name="logout" value="yes">Sign out</button>`;
}

/** Where the provider keeps things: its client is the tenant's application as it is now. */
class Memory {
    #kept = new Map();

    constructor(model, tenant) {
        this.model = model;
        this.tenant = tenant;
    }

    async find(id) {
        if (this.model !== 'Client') return this.#kept.get(id);
        const { client_id, client_secret, redirectUris, signedOutUris } = this.tenant.settings;
        if (id !== client_id) return undefined;
        return {
            client_id,
            client_secret,
            grant_types: ['client_credentials', 'authorization_code'],
            response_types: ['code'],
            // The library wants one where there are codes.
            redirect_uris: redirectUris.length ? redirectUris : ['https://nowhere.example/'],
            post_logout_redirect_uris: signedOutUris,
            ...authentication.getStore(),
        };
    }

    async findByUid(uid) {
        return [...this.#kept.values()].find((payload) => payload.uid === uid);
    }

    async revokeByGrantId(grantId) {
        for (const [id, payload] of this.#kept) {
            if (payload.grantId === grantId) this.#kept.delete(id);
        }
    }

    async upsert(id, payload) {
        this.#kept.set(id, payload);
    }

    async consume(id) {
        this.#kept.get(id).consumed = true;
    }

    async destroy(id) {
        this.#kept.delete(id);
    }
}
