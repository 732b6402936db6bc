// Who gets a token, and who gets none.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { jose } from '../packages.mjs';
import { ALL, make, makeCertificate } from './client.mjs';

test('a secret gets a token with the roles that were granted', async () => {
    const client = await make({ accessTokenLifetime: 120 });
    const { status, body } = await client.signIn();
    assert.equal(status, 200);
    assert.equal(body.expires_in, 120);
    const claims = jose.decodeJwt(body.access_token);
    assert.deepEqual(claims.roles, ALL);
    assert.equal(claims.aud, client.graph);
    assert.equal(claims.tid, client.tenant);
    assert.equal(claims.exp - claims.iat, 120);
});

test('a wrong secret, an unknown application, tenant, resource or scope get no token', async () => {
    const client = await make();
    const refused = async (status, error, code, ...how) => {
        const answer = await client.signIn(...how);
        assert.deepEqual(
            [answer.status, answer.body.error, answer.body.error_codes],
            [status, error, [code]],
        );
    };
    await refused(401, 'invalid_client', 7000215, { client_secret: 'wrong' });
    await refused(400, 'unauthorized_client', 700016, undefined, { client_id: randomUUID() });
    await refused(400, 'invalid_scope', 1002012, undefined, { scope: 'User.Read' });
    await refused(400, 'invalid_resource', 500011, undefined, {
        scope: 'https://nowhere.example/.default',
    });
    client.token_url = client.token_url.replace(client.tenant, randomUUID());
    await refused(400, 'invalid_request', 90002);
});

test('a certificate signs in, by PS256 and by RS256', async () => {
    const own = makeCertificate();
    const client = await make({ certificates: [makeCertificate().certificate, own.certificate] });
    for (const alg of ['PS256', 'RS256']) {
        const { status } = await client.signIn(await client.assertion(own, { alg }));
        assert.equal(status, 200, alg);
    }
});

test('an assertion with anything wrong gets no token', async () => {
    const [own, registeredToo, stranger] = [
        makeCertificate(),
        makeCertificate(),
        makeCertificate(),
    ];
    const client = await make({ certificates: [own.certificate, registeredToo.certificate] });
    const refused = async (why, code, credential) => {
        const { status, body } = await client.signIn(credential);
        assert.deepEqual(
            [status, body.error, body.error_codes],
            [401, 'invalid_client', [code]],
            why,
        );
    };
    const past = Math.floor(Date.now() / 1000) - 60;
    await refused('an unknown certificate', 700027, await client.assertion(stranger));
    await refused(
        'a strange key under a known thumbprint',
        700027,
        await client.assertion({ ...own, key: stranger.key }),
    );
    await refused(
        'another registered key',
        700027,
        await client.assertion({ ...own, key: registeredToo.key }),
    );
    await refused(
        'no thumbprint',
        700027,
        await client.assertion(own, { header: { 'x5t#S256': undefined } }),
    );
    await refused('expired', 700024, await client.assertion(own, { claims: { exp: past } }));
    await refused(
        'another audience',
        700027,
        await client.assertion(own, { claims: { aud: 'https://elsewhere.example' } }),
    );
    await refused(
        'no federation',
        700211,
        await client.assertion(own, { claims: { iss: 'https://ci.example' } }),
    );
    const once = await client.assertion(own);
    assert.equal((await client.signIn(once)).status, 200);
    await refused('the same again', 700027, once);
});

test('the token of a federated issuer signs in, and no other does', async () => {
    const [issuer, stranger] = await Promise.all([
        jose.generateKeyPair('RS256'),
        jose.generateKeyPair('RS256'),
    ]);
    const publicKey = await jose.exportJWK(issuer.publicKey);
    const client = await make({
        federation: { issuer: 'https://ci.example', subject: 'system:clavis', publicKey },
    });
    const signed = async (claims, { privateKey }) => {
        const usual = {
            iss: 'https://ci.example',
            sub: 'system:clavis',
            aud: 'api://AzureADTokenExchange',
            exp: Math.floor(Date.now() / 1000) + 60,
        };
        const client_assertion = await new jose.SignJWT({ ...usual, ...claims })
            .setProtectedHeader({ alg: 'RS256' })
            .sign(privateKey);
        return client.signIn({
            client_assertion,
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        });
    };
    assert.equal((await signed({}, issuer)).status, 200);
    for (const [claims, key] of [
        [{}, stranger],
        [{ sub: 'system:other' }, issuer],
        [{ aud: 'https://other.example' }, issuer],
        [{ iss: 'https://other.example' }, issuer],
        [{ exp: 1 }, issuer],
    ]) {
        const { status, body } = await signed(claims, key);
        assert.deepEqual([status, body.error], [401, 'invalid_client'], JSON.stringify(claims));
    }
});

test('a managed identity gets a token that Graph takes', async () => {
    const client = await make();
    const path = (resource) =>
        `${client.imds}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${encodeURIComponent(resource)}`;
    const answer = await fetch(path(client.graph), { headers: { metadata: 'true' } });
    const { access_token, expires_in } = await answer.json();
    assert.equal(expires_in, '3599');
    assert.equal((await client.get('/v1.0/devices', { token: access_token })).status, 200);
    for (const headers of [{}, { metadata: 'true', 'x-forwarded-for': '10.0.0.1' }]) {
        assert.equal((await fetch(path(client.graph), { headers })).status, 400);
    }
    assert.equal(
        (await fetch(path('https://nowhere.example'), { headers: { metadata: 'true' } })).status,
        400,
    );
});
