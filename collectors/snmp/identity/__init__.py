"""Identity of a device from what its SNMP agent says: vendor, kind, model, version, serial. Pure; fed by recordings and by the collector."""
