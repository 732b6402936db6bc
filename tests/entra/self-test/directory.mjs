// Devices, people, groups, Intune and mail.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { DEVICE, make } from './client.mjs';

test('devices are found by name and by either id', async () => {
    const id = randomUUID();
    const client = await make({
        devices: [{ id, deviceId: DEVICE, displayName: "Dag's PC" }, { displayName: 'PC-2' }],
    });
    for (const filter of ["displayName eq 'DAG''S pc'", `deviceId eq '${DEVICE.toUpperCase()}'`]) {
        const { body } = await client.get(
            `/v1.0/devices?$select=id&$filter=${encodeURIComponent(filter)}`,
        );
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
            {
                id: adele,
                userPrincipalName: 'adele@example.com',
                mail: 'Adele.Vance@example.com',
                manager: megan,
                proxyAddresses: ['smtp:av@example.com'],
            },
            { id: megan, userPrincipalName: 'megan@example.com', accountEnabled: false },
        ],
        devices: [{ id: laptop, registeredOwners: [adele], registeredUsers: [megan] }],
        groups: [
            { id: outer, members: [inner, laptop] },
            { id: inner, members: [adele, outer] },
        ],
    });
    const ids = async (path, options) =>
        (await client.get(path, options)).body.value.map(({ id }) => id).sort();
    const user = (await client.get('/v1.0/users/ADELE@example.com')).body;
    assert.deepEqual([user.id, user.accountEnabled], [adele, undefined]);
    assert.deepEqual(
        (await client.get(`/v1.0/users/${adele}/manager?$select=accountEnabled`)).body
            .accountEnabled,
        false,
    );
    const none = await client.get(`/v1.0/users/${megan}/manager`);
    assert.deepEqual([none.status, none.body.error.code], [404, 'Request_ResourceNotFound']);
    for (const filter of [
        "mail eq 'adele.vance@example.com'",
        "mail eq 'x or y' or userPrincipalName eq 'adele@example.com'",
        "proxyAddresses/any(p:p eq 'smtp:AV@example.com')",
    ]) {
        assert.deepEqual(
            await ids(`/v1.0/users?$filter=${encodeURIComponent(filter)}`),
            [adele],
            filter,
        );
    }
    assert.deepEqual(await ids(`/v1.0/users/${adele}/ownedDevices`), [laptop]);
    assert.deepEqual(await ids(`/v1.0/users/${adele}/registeredDevices`), []);
    assert.deepEqual(await ids(`/v1.0/devices/${laptop}/registeredOwners`), [adele]);
    assert.deepEqual(await ids(`/v1.0/devices/${laptop}/registeredUsers`), [megan]);
    assert.deepEqual(await ids(`/v1.0/users/${adele}/transitiveMemberOf`), [inner, outer].sort());
    assert.deepEqual(
        await ids(`/v1.0/groups/${outer}/transitiveMembers`),
        [adele, inner, laptop].sort(),
    );
    const cast = `/v1.0/groups/${outer}/transitiveMembers/microsoft.graph.user?$count=true`;
    assert.deepEqual(await ids(cast, { headers: { consistencylevel: 'eventual' } }), [adele]);
    assert.equal((await client.get(cast)).status, 400);
});

test('people are found by the beginnings of their names', async () => {
    const [adele, megan] = [randomUUID(), randomUUID()];
    const client = await make({
        users: [
            { id: adele, displayName: 'Adele Vance', givenName: 'Adele', surname: "O'Vance" },
            { id: megan, displayName: 'Megan or Not', mail: 'megan@example.com' },
        ],
    });
    const found = async (text, top = 50) => {
        const names = ['displayName', 'givenName', 'surname', 'mail', 'userPrincipalName'];
        const filter = names.map((name) => `startswith(${name},'${text}')`).join(' or ');
        const path = `/v1.0/users?$select=id&$top=${top}&$filter=${encodeURIComponent(filter)}`;
        return (await client.get(path)).body.value.map(({ id }) => id);
    };
    assert.deepEqual(await found("o''V"), [adele]);
    assert.deepEqual(await found('megan or N'), [megan]);
    assert.deepEqual(await found('MEGAN@'), [megan]);
    assert.deepEqual(await found('vance'), []);
    assert.equal((await found('', 1)).length, 1);
});

test('who is in a group is asked of the person, with roles for both', async () => {
    const [adele, inner, outer, other] = Array.from({ length: 4 }, () => randomUUID());
    const client = await make({
        users: [{ id: adele }],
        groups: [
            { id: outer, members: [inner] },
            { id: inner, members: [adele] },
            { id: other, members: [] },
        ],
    });
    const check = (groupIds, user = adele) =>
        client.get(`/v1.0/users/${user}/checkMemberGroups`, {
            method: 'POST',
            body: JSON.stringify({ groupIds }),
        });
    assert.deepEqual((await check([outer.toUpperCase(), other])).body.value, [outer]);
    assert.deepEqual((await check([randomUUID()])).body.value, []);
    assert.equal((await check([outer], randomUUID())).status, 404);
    for (const odd of [[], ['x'], undefined, Array(21).fill(outer)])
        assert.equal((await check(odd)).status, 400);
    for (const roles of [['User.Read.All'], ['GroupMember.Read.All']]) {
        await client.tell('', 'PATCH', { roles });
        assert.equal((await check([outer])).status, 403);
    }
});

test('of members that the caller may not read, only the id is told', async () => {
    const [adele, group] = [randomUUID(), randomUUID()];
    const client = await make({
        roles: ['GroupMember.Read.All'],
        users: [{ id: adele, mail: 'adele@example.com' }],
        groups: [{ id: group, members: [adele] }],
    });
    const { body } = await client.get(`/v1.0/groups/${group}/transitiveMembers?$select=id,mail`);
    assert.deepEqual(body.value, [
        { '@odata.type': '#microsoft.graph.user', id: adele, mail: null },
    ]);
});

test('a manager may be a contact, of which a reader of users sees the id alone', async () => {
    const [adele, contact] = [randomUUID(), randomUUID()];
    const state = {
        users: [{ id: adele, manager: contact }],
        contacts: [{ id: contact, displayName: 'Carl', mail: 'carl@example.org' }],
    };
    for (const [roles, displayName] of [
        [['User.Read.All'], null],
        [['User.Read.All', 'OrgContact.Read.All'], 'Carl'],
    ]) {
        const client = await make({ ...state, roles });
        const path = `/v1.0/users/${adele}/manager?$select=id,displayName,accountEnabled`;
        assert.deepEqual((await client.get(path)).body, {
            '@odata.type': '#microsoft.graph.orgContact',
            id: contact,
            displayName,
        });
    }
});

test('names of Active Directory are found by advanced queries alone', async () => {
    const client = await make({ users: [{ onPremisesSamAccountName: 'adele' }] });
    const path = "/v1.0/users?$filter=onPremisesSamAccountName%20eq%20'ADELE'";
    assert.equal((await client.get(path)).status, 400);
    const advanced = { headers: { consistencylevel: 'eventual' } };
    const { body } = await client.get(`${path}&$count=true`, advanced);
    assert.equal(body.value.length, 1);
});

test('managed devices are found, and asked to rotate in beta only', async () => {
    const id = randomUUID();
    const client = await make({
        managedDevices: [{ id, azureADDeviceId: DEVICE, serialNumber: 'SN-1' }],
    });
    const { body } = await client.get(
        `/v1.0/deviceManagement/managedDevices?$filter=azureADDeviceId%20eq%20'${DEVICE}'&$select=serialNumber`,
    );
    assert.deepEqual(body.value, [{ serialNumber: 'SN-1' }]);
    const rotate = (version, device) =>
        client.get(`/${version}/deviceManagement/managedDevices/${device}/rotateBitLockerKeys`, {
            method: 'POST',
        });
    assert.equal((await rotate('v1.0', id)).status, 400);
    assert.equal((await rotate('beta', randomUUID())).status, 404);
    assert.equal((await rotate('beta', id)).status, 204);
    assert.deepEqual(
        (await client.tell('rotations')).map((one) => one.id),
        [id],
    );
    await client.tell('', 'PATCH', { roles: ['DeviceManagementManagedDevices.Read.All'] });
    assert.equal((await rotate('beta', id)).status, 403);
});

test('mails are taken as MIME and as JSON, from a mailbox that there is', async () => {
    const client = await make({
        users: [{ userPrincipalName: 'clavis@example.com', mail: 'clavis@example.com' }],
    });
    const mime =
        'From: Clavis <clavis@example.com>\r\nTo: adele@example.com\r\nSubject: Grüße\r\n\r\nHallo\r\n';
    const send = (text, mailbox = 'clavis@example.com', type = 'text/plain') =>
        client.get(`/v1.0/users/${mailbox}/sendMail`, {
            method: 'POST',
            body: text,
            headers: { 'content-type': type },
        });
    const coded = (text) => Buffer.from(text).toString('base64');
    assert.equal((await send(coded(mime))).status, 202);
    const message = {
        subject: 'Hello',
        toRecipients: [{ emailAddress: { address: 'adele@example.com' } }],
    };
    assert.equal(
        (await send(JSON.stringify({ message }), undefined, 'application/json')).status,
        202,
    );
    const refused = async (code, ...what) =>
        assert.equal((await send(...what)).body.error.code, code);
    await refused('ErrorMimeContentInvalidBase64String', mime);
    await refused('ErrorInvalidUser', coded(mime), 'nobody@example.com');
    await refused('ErrorSendAsDenied', coded(mime.replace('clavis@', 'other@')));
    await refused('ErrorInvalidRecipients', coded(mime.replace('To:', 'X-To:')));
    const mails = await client.tell('mails');
    assert.deepEqual(
        mails.map((mail) => mail.mime ?? mail.message),
        [mime, message],
    );
});
