// The types that are answered: which properties each has, and which come where nothing is selected.

const USER_USUAL = [
    'businessPhones',
    'displayName',
    'givenName',
    'jobTitle',
    'mail',
    'mobilePhone',
    'officeLocation',
    'preferredLanguage',
    'surname',
    'userPrincipalName',
    'id',
];

const DEVICE_PROPERTIES = [
    'id',
    'deletedDateTime',
    'accountEnabled',
    'approximateLastSignInDateTime',
    'complianceExpirationDateTime',
    'createdDateTime',
    'deviceCategory',
    'deviceId',
    'deviceMetadata',
    'deviceOwnership',
    'deviceVersion',
    'displayName',
    'enrollmentProfileName',
    'enrollmentType',
    'isCompliant',
    'isManaged',
    'isManagementRestricted',
    'isRooted',
    'managementType',
    'manufacturer',
    'mdmAppId',
    'model',
    'onPremisesLastSyncDateTime',
    'onPremisesSecurityIdentifier',
    'onPremisesSyncEnabled',
    'operatingSystem',
    'operatingSystemVersion',
    'physicalIds',
    'profileType',
    'registrationDateTime',
    'systemLabels',
    'trustType',
];

const GROUP_PROPERTIES = [
    'id',
    'deletedDateTime',
    'classification',
    'createdDateTime',
    'description',
    'displayName',
    'groupTypes',
    'mail',
    'mailEnabled',
    'mailNickname',
    'onPremisesSecurityIdentifier',
    'onPremisesSyncEnabled',
    'proxyAddresses',
    'securityEnabled',
    'securityIdentifier',
    'visibility',
];

const CONTACT_PROPERTIES = [
    'id',
    'companyName',
    'department',
    'displayName',
    'givenName',
    'jobTitle',
    'mail',
    'mailNickname',
    'onPremisesSyncEnabled',
    'proxyAddresses',
    'surname',
];

const MANAGED_DEVICE_PROPERTIES = [
    'id',
    'azureADDeviceId',
    'azureADRegistered',
    'complianceState',
    'deviceEnrollmentType',
    'deviceName',
    'deviceRegistrationState',
    'emailAddress',
    'enrolledDateTime',
    'isEncrypted',
    'lastSyncDateTime',
    'managedDeviceName',
    'managedDeviceOwnerType',
    'managementAgent',
    'manufacturer',
    'model',
    'operatingSystem',
    'osVersion',
    'serialNumber',
    'userDisplayName',
    'userId',
    'userPrincipalName',
];

export const USER = {
    name: 'user',
    collection: 'users',
    usual: USER_USUAL,
    properties: [
        ...USER_USUAL,
        'accountEnabled',
        'companyName',
        'createdDateTime',
        'deletedDateTime',
        'department',
        'employeeId',
        'employeeType',
        'mailNickname',
        'onPremisesDistinguishedName',
        'onPremisesDomainName',
        'onPremisesImmutableId',
        'onPremisesSamAccountName',
        'onPremisesSecurityIdentifier',
        'onPremisesSyncEnabled',
        'onPremisesUserPrincipalName',
        'otherMails',
        'proxyAddresses',
        'usageLocation',
        'userType',
    ],
    // Filters by these are advanced queries.
    advanced: ['onPremisesSamAccountName'],
    // Any of these shows a user's properties.
    roles: ['User.Read.All', 'User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
};

export const DEVICE = {
    name: 'device',
    collection: 'devices',
    usual: DEVICE_PROPERTIES,
    properties: DEVICE_PROPERTIES,
    roles: [
        'Device.Read.All',
        'Device.ReadWrite.All',
        'Directory.Read.All',
        'Directory.ReadWrite.All',
    ],
};

export const GROUP = {
    name: 'group',
    collection: 'groups',
    usual: GROUP_PROPERTIES,
    properties: GROUP_PROPERTIES,
    roles: [
        'GroupMember.Read.All',
        'Group.Read.All',
        'GroupMember.ReadWrite.All',
        'Group.ReadWrite.All',
        'Directory.Read.All',
        'Directory.ReadWrite.All',
    ],
};

export const CONTACT = {
    name: 'orgContact',
    collection: 'contacts',
    usual: CONTACT_PROPERTIES,
    properties: CONTACT_PROPERTIES,
    roles: ['OrgContact.Read.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
};

export const MANAGED_DEVICE = {
    name: 'managedDevice',
    collection: 'managedDevices',
    usual: MANAGED_DEVICE_PROPERTIES,
    properties: MANAGED_DEVICE_PROPERTIES,
    roles: [
        'DeviceManagementManagedDevices.Read.All',
        'DeviceManagementManagedDevices.ReadWrite.All',
    ],
};
