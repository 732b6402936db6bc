// The double against what is said of it: node --test self-test.mjs
//
// Tests of Clavis lean on it to refuse, so most of this is about refusals.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { jose } from './packages.mjs';
import { Client, makeCertificate } from './self-test/client.mjs';
import { listen } from './server.mjs';

const ALL = ['BitlockerKey.Read.All', 'Device.Read.All', 'User.Read.All', 'GroupMember.Read.All', 'DeviceManagementManagedDevices.ReadWrite.All', 'Mail.Send'];
const DEVICE = '1ab40ab2-32a8-4b00-b6b5-ba724e407de9';
const KEY = '111111-222222-333333-444444-555555-666666-111111-222222';

let server;
before(async () => { server = await listen(); });
after(() => server.close());
const make = (state) => Client.make(server.address, { roles: ALL, ...state });
const recoveryKeys = (count) => Array.from({ length: count }, () => ({ id: randomUUID(), deviceId: DEVICE, key: KEY }));

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
        assert.deepEqual([answer.status, answer.body.error, answer.body.error_codes], [status, error, [code]]);
    };
    await refused(401, 'invalid_client', 7000215, { client_secret: 'wrong' });
    await refused(400, 'unauthorized_client', 700016, undefined, { client_id: randomUUID() });
    await refused(400, 'invalid_scope', 1002012, undefined, { scope: 'User.Read' });
    await refused(400, 'invalid_resource', 500011, undefined, { scope: 'https://nowhere.example/.default' });
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
    const [own, registeredToo, stranger] = [makeCertificate(), makeCertificate(), makeCertificate()];
    const client = await make({ certificates: [own.certificate, registeredToo.certificate] });
    const refused = async (why, code, credential) => {
        const { status, body } = await client.signIn(credential);
        assert.deepEqual([status, body.error, body.error_codes], [401, 'invalid_client', [code]], why);
    };
    const past = Math.floor(Date.now() / 1000) - 60;
    await refused('an unknown certificate', 700027, await client.assertion(stranger));
    await refused('a strange key under a known thumbprint', 700027, await client.assertion({ ...own, key: stranger.key }));
    await refused('another registered key', 700027, await client.assertion({ ...own, key: registeredToo.key }));
    await refused('no thumbprint', 700027, await client.assertion(own, { header: { 'x5t#S256': undefined } }));
    await refused('expired', 700024, await client.assertion(own, { claims: { exp: past } }));
    await refused('another audience', 700027, await client.assertion(own, { claims: { aud: 'https://elsewhere.example' } }));
    await refused('no federation', 700211, await client.assertion(own, { claims: { iss: 'https://ci.example' } }));
    const once = await client.assertion(own);
    assert.equal((await client.signIn(once)).status, 200);
    await refused('the same again', 700027, once);
});

test('the token of a federated issuer signs in, and no other does', async () => {
    const [issuer, stranger] = await Promise.all([jose.generateKeyPair('RS256'), jose.generateKeyPair('RS256')]);
    const publicKey = await jose.exportJWK(issuer.publicKey);
    const client = await make({ federation: { issuer: 'https://ci.example', subject: 'system:clavis', publicKey } });
    const signed = async (claims, { privateKey }) => {
        const usual = { iss: 'https://ci.example', sub: 'system:clavis', aud: 'api://AzureADTokenExchange', exp: Math.floor(Date.now() / 1000) + 60 };
        const client_assertion = await new jose.SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
        return client.signIn({ client_assertion, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' });
    };
    assert.equal((await signed({}, issuer)).status, 200);
    for (const [claims, key] of [[{}, stranger], [{ sub: 'system:other' }, issuer], [{ aud: 'https://other.example' }, issuer], [{ iss: 'https://other.example' }, issuer], [{ exp: 1 }, issuer]]) {
        const { status, body } = await signed(claims, key);
        assert.deepEqual([status, body.error], [401, 'invalid_client'], JSON.stringify(claims));
    }
});

test('a managed identity gets a token that Graph takes', async () => {
    const client = await make();
    const path = (resource) => `${client.imds}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${encodeURIComponent(resource)}`;
    const answer = await fetch(path(client.graph), { headers: { metadata: 'true' } });
    const { access_token, expires_in } = await answer.json();
    assert.equal(expires_in, '3599');
    assert.equal((await client.get('/v1.0/devices', { token: access_token })).status, 200);
    for (const headers of [{}, { metadata: 'true', 'x-forwarded-for': '10.0.0.1' }]) {
        assert.equal((await fetch(path(client.graph), { headers })).status, 400);
    }
    assert.equal((await fetch(path('https://nowhere.example'), { headers: { metadata: 'true' } })).status, 400);
});

test('Graph takes only tokens of the tenant that are good now and meant for it', async () => {
    const client = await make({ accessTokenLifetime: 1 });
    const refused = async (token) => {
        const { status, body } = await client.get('/v1.0/devices', { token });
        assert.deepEqual([status, body.error.code], [401, 'InvalidAuthenticationToken']);
    };
    const token = await client.token();
    assert.equal((await client.get('/v1.0/devices', { token })).status, 200);
    await refused(`${token.slice(0, -4)}AAAA`);
    await refused('nonsense');
    await refused(await client.token(undefined, { scope: 'https://outlook.office365.com/.default' }));
    const forged = await new jose.SignJWT(jose.decodeJwt(token)).setProtectedHeader({ alg: 'HS256' }).sign(new Uint8Array(32));
    await refused(forged);
    while (jose.decodeJwt(token).exp * 1000 > Date.now()) await new Promise((later) => setTimeout(later, 50));
    await refused(token);
});

test('tokens can be ended before their time, and the next ones are good', async () => {
    const client = await make();
    const token = await client.token();
    await client.tell('expire-tokens', 'POST');
    assert.equal((await client.get('/v1.0/devices', { token })).status, 401);
    assert.equal((await client.get('/v1.0/devices')).status, 200);
});

test('each call needs a role of its own', async () => {
    const client = await make({ roles: [], users: [{ id: DEVICE, userPrincipalName: 'a@example.com' }], recoveryKeys: recoveryKeys(1) });
    const paths = ['/v1.0/devices', '/v1.0/users/a@example.com', '/v1.0/groups', '/v1.0/deviceManagement/managedDevices', '/v1.0/informationProtection/bitlocker/recoveryKeys'];
    for (const path of paths) assert.equal((await client.get(path)).status, 403, path);
    await client.tell('', 'PATCH', { roles: ['BitlockerKey.ReadBasic.All'] });
    const { body } = await client.keys(DEVICE);
    assert.equal(body.value.length, 1);
    const { status, body: refusal } = await client.key(body.value[0].id, '?$select=key');
    assert.deepEqual([status, refusal.error.code], [403, 'authorization_error']);
    assert.deepEqual(await client.tell('audit'), []);
});

test('a key comes for $select=key alone, and leaves an entry', async () => {
    const [{ id }] = [...recoveryKeys(1)];
    const client = await make({ recoveryKeys: [{ id, deviceId: DEVICE, key: KEY, volumeType: 'fixedDataVolume' }] });
    assert.equal((await client.key(id)).body.key, undefined);
    assert.equal((await client.key(id, '?$select=id,key')).body.key, undefined);
    assert.deepEqual(await client.tell('audit'), []);
    const flat = (await client.key(id.toUpperCase(), '?%24select=key')).body;
    assert.deepEqual([flat.key, flat.volumeType], [KEY, 'fixedDataVolume']);
    await client.tell('', 'PATCH', { keyAnswer: 'wrapped', volumeTypeAs: 'numberText' });
    const { value } = (await client.key(id, '?$select=key')).body;
    assert.deepEqual([value.key, value.volumeType], [KEY, '2']);
    assert.deepEqual((await client.tell('audit')).map(({ keyId }) => keyId), [id, id]);
    assert.ok(!JSON.stringify(await client.tell('calls')).includes(KEY));
    assert.equal((await client.key(randomUUID(), '?$select=key')).status, 404);
});

test('a list of keys takes one filter and comes in pages, without keys', async () => {
    const client = await make({ pageSize: 3, recoveryKeys: [...recoveryKeys(7), { deviceId: randomUUID(), key: KEY }] });
    const ids = new Set();
    let pages = 0;
    for (let next = await client.keys(DEVICE.toUpperCase()); next; pages += 1) {
        assert.ok(next.body.value.every(({ id, key }) => key === undefined && ids.add(id)));
        const link = next.body['@odata.nextLink'];
        next = link && (await client.get(link));
    }
    assert.deepEqual([ids.size, pages], [7, 3]);
    const path = '/v1.0/informationProtection/bitlocker/recoveryKeys?';
    for (const query of ['$top=5', '$count=true', "$filter=id%20eq%20'x'", '$select=key', '$skiptoken=made-up', `$filter=deviceId+eq+'${DEVICE}'`]) {
        assert.equal((await client.get(path + query)).status, 400, query);
    }
});

test('devices are found by name and by either id', async () => {
    const id = randomUUID();
    const client = await make({ devices: [{ id, deviceId: DEVICE, displayName: "Dag's PC" }, { displayName: 'PC-2' }] });
    for (const filter of ["displayName eq 'DAG''S pc'", `deviceId eq '${DEVICE.toUpperCase()}'`]) {
        const { body } = await client.get(`/v1.0/devices?$select=id&$filter=${encodeURIComponent(filter)}`);
        assert.deepEqual(body.value, [{ id }], filter);
    }
    assert.equal((await client.get(`/v1.0/devices/${id}`)).body.displayName, "Dag's PC");
    assert.equal((await client.get(`/v1.0/devices(deviceId='${DEVICE}')`)).body.id, id);
    assert.equal((await client.get(`/v1.0/devices/${DEVICE}`)).status, 404);
    assert.equal((await client.get('/v1.0/devices/PC-2')).status, 400);
    assert.equal((await client.get('/v1.0/devices?$select=nothing')).status, 400);
    assert.equal((await client.get("/v1.0/devices?$filter=model%20eq%20'x'")).status, 400);
});

test('people, their manager, devices and groups', async () => {
    const [adele, megan, inner, outer, laptop] = Array.from({ length: 5 }, () => randomUUID());
    const client = await make({
        users: [
            { id: adele, userPrincipalName: 'adele@example.com', mail: 'Adele.Vance@example.com', manager: megan, proxyAddresses: ['smtp:av@example.com'] },
            { id: megan, userPrincipalName: 'megan@example.com', accountEnabled: false },
        ],
        devices: [{ id: laptop, registeredOwners: [adele], registeredUsers: [megan] }],
        groups: [{ id: outer, members: [inner, laptop] }, { id: inner, members: [adele, outer] }],
    });
    const ids = async (path, options) => (await client.get(path, options)).body.value.map(({ id }) => id).sort();
    const user = (await client.get('/v1.0/users/ADELE@example.com')).body;
    assert.deepEqual([user.id, user.accountEnabled], [adele, undefined]);
    assert.deepEqual((await client.get(`/v1.0/users/${adele}/manager?$select=accountEnabled`)).body.accountEnabled, false);
    const none = await client.get(`/v1.0/users/${megan}/manager`);
    assert.deepEqual([none.status, none.body.error.code], [404, 'Request_ResourceNotFound']);
    for (const filter of ["mail eq 'adele.vance@example.com'", "mail eq 'x or y' or userPrincipalName eq 'adele@example.com'", "proxyAddresses/any(p:p eq 'smtp:AV@example.com')"]) {
        assert.deepEqual(await ids(`/v1.0/users?$filter=${encodeURIComponent(filter)}`), [adele], filter);
    }
    assert.deepEqual(await ids(`/v1.0/users/${adele}/ownedDevices`), [laptop]);
    assert.deepEqual(await ids(`/v1.0/users/${adele}/registeredDevices`), []);
    assert.deepEqual(await ids(`/v1.0/devices/${laptop}/registeredOwners`), [adele]);
    assert.deepEqual(await ids(`/v1.0/devices/${laptop}/registeredUsers`), [megan]);
    assert.deepEqual(await ids(`/v1.0/users/${adele}/transitiveMemberOf`), [inner, outer].sort());
    assert.deepEqual(await ids(`/v1.0/groups/${outer}/transitiveMembers`), [adele, inner, laptop].sort());
    const cast = `/v1.0/groups/${outer}/transitiveMembers/microsoft.graph.user?$count=true`;
    assert.deepEqual(await ids(cast, { headers: { consistencylevel: 'eventual' } }), [adele]);
    assert.equal((await client.get(cast)).status, 400);
});

test('of members that the caller may not read, only the id is told', async () => {
    const [adele, group] = [randomUUID(), randomUUID()];
    const client = await make({ roles: ['GroupMember.Read.All'], users: [{ id: adele, mail: 'adele@example.com' }], groups: [{ id: group, members: [adele] }] });
    const { body } = await client.get(`/v1.0/groups/${group}/transitiveMembers?$select=id,mail`);
    assert.deepEqual(body.value, [{ '@odata.type': '#microsoft.graph.user', id: adele, mail: null }]);
});

test('managed devices are found, and asked to rotate in beta only', async () => {
    const id = randomUUID();
    const client = await make({ managedDevices: [{ id, azureADDeviceId: DEVICE, serialNumber: 'SN-1' }] });
    const { body } = await client.get(`/v1.0/deviceManagement/managedDevices?$filter=azureADDeviceId%20eq%20'${DEVICE}'&$select=serialNumber`);
    assert.deepEqual(body.value, [{ serialNumber: 'SN-1' }]);
    const rotate = (version, device) => client.get(`/${version}/deviceManagement/managedDevices/${device}/rotateBitLockerKeys`, { method: 'POST' });
    assert.equal((await rotate('v1.0', id)).status, 400);
    assert.equal((await rotate('beta', randomUUID())).status, 404);
    assert.equal((await rotate('beta', id)).status, 204);
    assert.deepEqual((await client.tell('rotations')).map((one) => one.id), [id]);
    await client.tell('', 'PATCH', { roles: ['DeviceManagementManagedDevices.Read.All'] });
    assert.equal((await rotate('beta', id)).status, 403);
});

test('mails are taken as MIME and as JSON, from a mailbox that there is', async () => {
    const client = await make({ users: [{ userPrincipalName: 'clavis@example.com', mail: 'clavis@example.com' }] });
    const mime = 'From: Clavis <clavis@example.com>\r\nTo: adele@example.com\r\nSubject: Grüße\r\n\r\nHallo\r\n';
    const send = (text, mailbox = 'clavis@example.com', type = 'text/plain') => client.get(`/v1.0/users/${mailbox}/sendMail`, { method: 'POST', body: text, headers: { 'content-type': type } });
    const coded = (text) => Buffer.from(text).toString('base64');
    assert.equal((await send(coded(mime))).status, 202);
    const message = { subject: 'Hello', toRecipients: [{ emailAddress: { address: 'adele@example.com' } }] };
    assert.equal((await send(JSON.stringify({ message }), undefined, 'application/json')).status, 202);
    const refused = async (code, ...what) => assert.equal((await send(...what)).body.error.code, code);
    await refused('ErrorMimeContentInvalidBase64String', mime);
    await refused('ErrorInvalidUser', coded(mime), 'nobody@example.com');
    await refused('ErrorSendAsDenied', coded(mime.replace('clavis@', 'other@')));
    await refused('ErrorInvalidRecipients', coded(mime.replace('To:', 'X-To:')));
    const mails = await client.tell('mails');
    assert.deepEqual(mails.map((mail) => mail.mime ?? mail.message), [mime, message]);
});

test('faults come as they were asked for, as often as asked, and then end', async () => {
    const client = await make({ recoveryKeys: recoveryKeys(1), faults: [{ match: '^GET .*/recoveryKeys\\?', status: 429, retryAfter: 2, times: 2 }] });
    for (const wanted of [429, 429, 200]) {
        const { status, headers } = await client.keys(DEVICE);
        assert.deepEqual([status, headers.get('retry-after')], [wanted, wanted === 429 ? '2' : null]);
    }
    const broken = async (fault) => {
        await client.tell('faults', 'PUT', [{ match: 'recoveryKeys', ...fault }]);
        await assert.rejects(client.keys(DEVICE));
    };
    await broken({ hangUp: true });
    await broken({ hangUp: 'half' });
    await broken({ garbage: true });
    await client.tell('faults', 'PUT', [{ match: '/token$', status: 503, code: 'temporarily_unavailable' }]);
    const { status, body } = await client.signIn();
    assert.deepEqual([status, body.error], [503, 'temporarily_unavailable']);
    await client.tell('faults', 'PUT', [{ status: 500, forSeconds: 0.2 }]);
    assert.equal((await client.signIn()).status, 500);
    while ((await client.signIn()).status === 500) await new Promise((later) => setTimeout(later, 20));
});

test('what hangs up after the deed did the deed', async () => {
    const id = randomUUID();
    const client = await make({ managedDevices: [{ id }], faults: [{ match: '^POST .*rotate', hangUp: 'after', times: 1 }] });
    await assert.rejects(client.get(`/beta/deviceManagement/managedDevices/${id}/rotateBitLockerKeys`, { method: 'POST' }));
    assert.equal((await client.tell('rotations')).length, 1);
});

test('a next link can lead elsewhere, where it is noted who came with a token', async () => {
    const client = await make({ recoveryKeys: recoveryKeys(1) });
    const nextLink = `${client.elsewhere}/${client.tenant}/next`;
    await client.tell('faults', 'POST', { match: 'recoveryKeys', nextLink });
    const link = (await client.keys(DEVICE)).body['@odata.nextLink'];
    assert.equal(link, nextLink);
    assert.deepEqual(await client.tell('elsewhere'), []);
    await client.get(link);
    const [{ method, authorization }] = await client.tell('elsewhere');
    assert.deepEqual([method, authorization], ['GET', true]);
});

test('tenants know nothing of each other', async () => {
    const [one, other] = await Promise.all([make({ devices: [{ displayName: 'PC-1' }] }), make()]);
    await one.tell('faults', 'POST', { status: 500 });
    assert.equal((await other.get('/v1.0/devices')).body.value.length, 0);
    assert.equal((await other.signIn({ client_secret: one.client_secret })).status, 401);
    const token = await other.token();
    await other.tell('', 'DELETE');
    assert.equal((await other.signIn()).status, 400);
    assert.equal((await other.get('/v1.0/devices', { token })).status, 401);
});

test('calls are noted with what matters and without secrets', async () => {
    const client = await make({ recoveryKeys: recoveryKeys(1) });
    const token = await client.token();
    await client.keys(DEVICE, { token, headers: { 'ocp-client-name': 'clavis', 'client-request-id': 'abc' } });
    const { counters, calls } = await client.tell('calls');
    assert.deepEqual([counters.tokenRequests, counters.tokensIssued, counters.graphCalls, counters.keysRead], [1, 1, 1, 0]);
    const [, { method, path, status, userAgent, ocpClientName, clientRequestId, authorization }] = calls;
    assert.deepEqual([method, status, userAgent, ocpClientName, clientRequestId, authorization], ['GET', 200, 'self-test', 'clavis', 'abc', true]);
    assert.match(path, /recoveryKeys\?\$filter=deviceId%20eq%20/);
    for (const secret of [token, client.client_secret]) assert.ok(!JSON.stringify(calls).includes(secret));
});

test('a change of the state counts at once', async () => {
    const client = await make({ devices: [{ id: DEVICE, displayName: 'PC-1' }] });
    await client.tell('', 'PATCH', { add: { devices: [{ id: randomUUID(), displayName: 'PC-2' }] }, remove: { devices: [DEVICE] } });
    const { body } = await client.get('/v1.0/devices?$select=displayName');
    assert.deepEqual(body.value, [{ displayName: 'PC-2' }]);
    assert.match((await client.tell('', 'PATCH', { gadgets: [] })).error, /gadgets/);
});
