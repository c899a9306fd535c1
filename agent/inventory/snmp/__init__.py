"""Identity of a device from what its SNMP agent says: vendor, kind, model, version, serial. Pure; of recordings and of live agents."""
