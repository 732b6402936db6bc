// How people sign in, and what the provider says of them.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { jose } from '../packages.mjs';
import { make } from './client.mjs';

const BACK = 'http://127.0.0.1:9/back';
const ANNA = {
    id: '00000001-1111-4111-8111-111111111111',
    userPrincipalName: 'anna@example.com',
    mail: 'anna.berg@example.com',
    displayName: 'Anna Berg',
};

const tenant = (state) => make({ users: [ANNA], redirectUris: [BACK], signsIn: ANNA.id, ...state });

/** Goes to an address as a browser does, up to where it leaves the provider or a page asks. */
async function go(address, cookies = new Map(), options = {}) {
    const answer = await fetch(address, {
        redirect: 'manual',
        headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') },
        ...options,
    });
    for (const line of answer.headers.getSetCookie()) {
        const [name, value] = line.split(';')[0].split(/=(.*)/s);
        cookies.set(name, value);
    }
    const location = answer.headers.get('location');
    if (!location) return { answer, address, cookies };
    const next = new URL(location, address).href;
    return next.startsWith(BACK) ? { back: new URL(next).searchParams } : go(next, cookies);
}

async function discovered({ issuer }) {
    return (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
}

async function begin(client, more = {}) {
    const about = await discovered(client);
    const verifier = randomBytes(32).toString('base64url');
    const address = new URL(about.authorization_endpoint);
    const asked = {
        client_id: client.client_id,
        response_type: 'code',
        redirect_uri: BACK,
        scope: 'openid profile email',
        state: 's',
        nonce: 'n',
        code_challenge_method: 'S256',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        ...more,
    };
    for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
    return { about, verifier, address: address.href };
}

async function exchange(client, about, code, verifier) {
    const credential = Buffer.from(`${client.client_id}:${client.client_secret}`);
    const answer = await fetch(about.token_endpoint, {
        method: 'POST',
        headers: { authorization: `Basic ${credential.toString('base64')}` },
        body: new URLSearchParams({
            grant_type: 'authorization_code',
            redirect_uri: BACK,
            code,
            code_verifier: verifier,
        }),
    });
    return { status: answer.status, body: await answer.json() };
}

async function idToken(client) {
    const { about, verifier, address } = await begin(client);
    const { back } = await go(address);
    const { body } = await exchange(client, about, back.get('code'), verifier);
    const keys = jose.createRemoteJWKSet(new URL(about.jwks_uri));
    return { token: body.id_token, keys, about };
}

test('a user signs in, and the ID token says who that is', async () => {
    const client = await tenant();
    const { token, keys, about } = await idToken(client);
    const { payload } = await jose.jwtVerify(token, keys, {
        issuer: client.issuer,
        audience: client.client_id,
    });
    const { sub, oid, preferred_username, email, email_verified, nonce } = payload;
    assert.deepEqual(
        [sub, oid, preferred_username, email, email_verified, nonce],
        [ANNA.id, ANNA.id, ANNA.userPrincipalName, ANNA.mail, undefined, 'n'],
    );
    assert.equal(about.authorization_response_iss_parameter_supported, true);
});

test('a page asks for a name where nobody is named', async () => {
    const client = await tenant({ signsIn: null });
    const { address } = await begin(client);
    const { answer, address: at, cookies } = await go(address);
    assert.match(await answer.text(), /name="user"/);
    const type = (user) => go(at, cookies, {
        method: 'POST',
        body: new URLSearchParams({ user }),
        headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') },
    });
    assert.match(await (await type('nobody')).answer.text(), /no such user/);
    const { back } = await type('ANNA@example.com');
    assert.deepEqual([back.get('state'), back.get('iss')], ['s', client.issuer]);
});

test('a code is good once, with its verifier, for an address that was registered', async () => {
    const client = await tenant();
    const { about, verifier, address } = await begin(client);
    const code = (await go(address)).back.get('code');
    assert.equal((await exchange(client, about, code, 'x'.repeat(43))).body.error, 'invalid_grant');
    const again = (await go(address)).back.get('code');
    assert.equal((await exchange(client, about, again, verifier)).status, 200);
    assert.equal((await exchange(client, about, again, verifier)).body.error, 'invalid_grant');
    const elsewhere = await begin(client, { redirect_uri: 'http://127.0.0.1:9/other' });
    assert.equal((await go(elsewhere.address)).answer.status, 400);
    const plain = await begin(client, { code_challenge: '', code_challenge_method: '' });
    assert.equal((await go(plain.address)).back.get('error'), 'invalid_request');
});

test('a key rolls over, and a token can be wrong in every way', async () => {
    const client = await tenant();
    for (const alg of ['ES256', 'PS256']) {
        await client.tell('roll-key', 'POST', { alg });
        const { token, keys } = await idToken(client);
        assert.equal((await jose.jwtVerify(token, keys)).protectedHeader.alg, alg);
    }
    await client.tell('', 'PATCH', { idToken: { signedBy: 'stranger' } });
    const strange = await idToken(client);
    await assert.rejects(jose.jwtVerify(strange.token, strange.keys));
    for (const [idToken_, claims, alg] of [
        [{ claims: { nonce: 'other', iss: null } }, { nonce: 'other', iss: undefined }, 'PS256'],
        [{ alg: 'none' }, { nonce: 'n' }, 'none'],
        [{ alg: 'HS256' }, { nonce: 'n' }, 'HS256'],
    ]) {
        await client.tell('', 'PATCH', { idToken: idToken_ });
        const { token } = await idToken(client);
        const said = jose.decodeJwt(token);
        for (const [name, value] of Object.entries(claims)) assert.equal(said[name], value);
        const [header] = token.split('.');
        assert.equal(JSON.parse(Buffer.from(header, 'base64url')).alg, alg);
    }
});
