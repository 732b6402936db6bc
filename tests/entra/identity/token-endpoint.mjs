// The token endpoint as Entra has it, in front of the provider: it finds the certificate or the
// federation that an assertion names, lets the provider do the checking, and words refusals as
// Entra does.

import { jose } from '../packages.mjs';
import { same } from '../tenants.mjs';
import { SignInError } from './error.mjs';
import { checkFederated } from './federation.mjs';
import { bentIdToken } from './id-token.mjs';
import { BY_SECRET_IN_HEAD, askProvider, resourceOf, resources } from './provider.mjs';

export async function tokenEndpoint(world, tenant, exchange, response) {
    const form = Object.fromEntries(new URLSearchParams((await exchange.body()).toString()));
    checkApplication(tenant, clientId(form, exchange.headers));
    if (form.grant_type === 'authorization_code')
        return await exchangeCode(world, tenant, exchange, response, form);
    const { signIn, form: withCredential } = await credential(tenant, form);
    checkScope(world, tenant, form);
    const answer = await askProvider(world, tenant, exchange, response, withCredential, signIn);
    if (answer.status === 200) return { ...answer, body: entraShape(answer.body) };
    throw refusal(answer, form);
}

// A code is exchanged by the provider; its ID token may then be bent as a test wants it.
async function exchangeCode(world, tenant, exchange, response, form) {
    const signIn = exchange.headers.authorization ? BY_SECRET_IN_HEAD : undefined;
    const answer = await askProvider(world, tenant, exchange, response, form, signIn);
    if (answer.status === 200)
        answer.body.id_token = await bentIdToken(tenant, answer.body.id_token);
    return answer;
}

// An assertion by a certificate is checked against that certificate alone. One by a federated
// issuer is checked here, and what the provider then sees is the application's secret.
async function credential(tenant, form) {
    if (!form.client_assertion) return { form };
    const { header, payload } = decoded(form.client_assertion);
    if (payload.iss !== form.client_id) {
        await checkFederated(tenant, form.client_assertion);
        const { client_assertion, client_assertion_type, ...rest } = form;
        return { form: { ...rest, client_secret: tenant.settings.client_secret } };
    }
    const certificate = header['x5t#S256'] && tenant.certificate(header['x5t#S256']);
    if (!certificate) {
        throw new SignInError(
            401,
            'invalid_client',
            700027,
            'The certificate with identifier used to sign the client assertion is not registered on application.',
        );
    }
    const jwk = certificate.publicKey.export({ format: 'jwk' });
    return {
        form,
        signIn: { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } },
    };
}

function clientId(form, { authorization = '' }) {
    const basic = /^Basic (.+)$/i.exec(authorization)?.[1];
    return form.client_id ?? (basic && Buffer.from(basic, 'base64').toString().split(':')[0]);
}

function checkApplication(tenant, given) {
    if (!given)
        throw new SignInError(
            400,
            'invalid_request',
            900144,
            "The request body must contain the following parameter: 'client_id'.",
        );
    if (!same(given, tenant.settings.client_id)) {
        throw new SignInError(
            400,
            'unauthorized_client',
            700016,
            `Application with identifier '${given}' was not found in the directory.`,
        );
    }
}

function checkScope(world, tenant, { scope }) {
    const resource = resourceOf(scope);
    if (!resource) {
        throw new SignInError(
            400,
            'invalid_scope',
            1002012,
            'The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.',
        );
    }
    if (!(resource in resources(world, tenant))) {
        throw new SignInError(
            400,
            'invalid_resource',
            500011,
            `The resource principal named ${resource} was not found in the tenant.`,
        );
    }
}

function decoded(assertion) {
    try {
        return {
            header: jose.decodeProtectedHeader(assertion),
            payload: jose.decodeJwt(assertion),
        };
    } catch {
        throw new SignInError(401, 'invalid_client', 50027, 'JWT token is invalid or malformed.');
    }
}

function entraShape({ access_token, expires_in }) {
    return { token_type: 'Bearer', expires_in, ext_expires_in: expires_in, access_token };
}

function refusal({ status, body }, form) {
    if (body.error !== 'invalid_client')
        return new SignInError(status, body.error, 900023, body.error_description);
    if (!form.client_assertion)
        return new SignInError(401, 'invalid_client', 7000215, 'Invalid client secret provided.');
    const { payload } = decoded(form.client_assertion);
    return payload.exp * 1000 <= Date.now()
        ? new SignInError(
              401,
              'invalid_client',
              700024,
              'Client assertion is not within its valid time range.',
          )
        : new SignInError(
              401,
              'invalid_client',
              700027,
              'Client assertion failed signature validation.',
          );
}
