// A bare client of the double, for its own tests: it makes tenants, signs in and calls.

import { execFileSync } from 'node:child_process';
import { createHash, createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { jose } from '../packages.mjs';
import { listen } from '../server.mjs';

export const ALL = [
    'BitlockerKey.Read.All',
    'Device.Read.All',
    'User.Read.All',
    'GroupMember.Read.All',
    'DeviceManagementManagedDevices.ReadWrite.All',
    'Mail.Send',
];
export const DEVICE = '1ab40ab2-32a8-4b00-b6b5-ba724e407de9';
export const KEY = '111111-222222-333333-444444-555555-666666-111111-222222';

const { address, close } = await listen();
after(close);

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const KEYS = '/v1.0/informationProtection/bitlocker/recoveryKeys';

/** A tenant with this state, and all roles where it names none. */
export async function make(state) {
    const { body } = await call(`${address.control}/tenants`, {
        method: 'POST',
        body: JSON.stringify({ roles: ALL, ...state }),
    });
    return Object.assign(new Client(), body, { elsewhere: address.elsewhere });
}

/** So many keys of the one device. */
export function recoveryKeys(count) {
    return Array.from({ length: count }, () => ({ id: randomUUID(), deviceId: DEVICE, key: KEY }));
}

class Client {
    /** The answer to a request for a token with this credential. */
    signIn(credential = { client_secret: this.client_secret }, more = {}) {
        const form = {
            client_id: this.client_id,
            grant_type: 'client_credentials',
            scope: `${this.graph}/.default`,
            ...credential,
            ...more,
        };
        return call(this.token_url, { method: 'POST', body: new URLSearchParams(form) });
    }

    async token(...how) {
        const { body } = await this.signIn(...how);
        return body.access_token;
    }

    /** The answer of Graph, with a token of its own where none is given. */
    async get(path, { token, ...options } = {}) {
        const authorization = `Bearer ${token ?? (await this.token())}`;
        const headers = { authorization, 'user-agent': 'self-test', ...options.headers };
        return call(path.startsWith('http') ? path : this.graph + path, { ...options, headers });
    }

    keys(deviceId, options) {
        return this.get(
            `${KEYS}?$filter=${encodeURIComponent(`deviceId eq '${deviceId}'`)}`,
            options,
        );
    }

    key(id, query = '', options) {
        return this.get(`${KEYS}/${id}${query}`, options);
    }

    async tell(what, method = 'GET', body) {
        const answer = await call(`${this.control}${what && '/'}${what}`, {
            method,
            body: body && JSON.stringify(body),
        });
        return answer.body;
    }

    /** A client assertion, as a certificate signs it; `claims` and `header` change it. */
    async assertion({ key, certificate }, { claims = {}, header = {}, alg = 'PS256' } = {}) {
        const now = Math.floor(Date.now() / 1000);
        const usual = {
            aud: this.token_url,
            iss: this.client_id,
            sub: this.client_id,
            jti: randomUUID(),
            nbf: now,
            exp: now + 300,
        };
        const assertion = await new jose.SignJWT({ ...usual, ...claims })
            .setProtectedHeader({ alg, typ: 'JWT', 'x5t#S256': thumbprint(certificate), ...header })
            .sign(createPrivateKey(key));
        return { client_assertion: assertion, client_assertion_type: ASSERTION_TYPE };
    }
}

/** A key and a certificate for it, both PEM. */
export function makeCertificate() {
    const folder = mkdtempSync(join(tmpdir(), 'entra-'));
    try {
        const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
        execFileSync(
            'openssl',
            [
                'req',
                '-x509',
                '-newkey',
                'rsa:2048',
                '-nodes',
                '-days',
                '2',
                '-subj',
                '/CN=clavis',
                '-keyout',
                key,
                '-out',
                certificate,
            ],
            { stdio: 'ignore' },
        );
        return { key: readFileSync(key, 'utf8'), certificate: readFileSync(certificate, 'utf8') };
    } finally {
        rmSync(folder, { recursive: true });
    }
}

function thumbprint(pem) {
    return createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url');
}

async function call(address, options) {
    const response = await fetch(address, options);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    return {
        status: response.status,
        headers: response.headers,
        body: isJson ? JSON.parse(text) : text,
    };
}
