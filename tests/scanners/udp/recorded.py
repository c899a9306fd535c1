"""Answers of real servers, recorded in the network of `house.py` (Debian 12), and answers built from documents where no server exists."""

from __future__ import annotations

import struct

SAMBA = bytes.fromhex(
    "ff3e8400000000010000000020434b41414141414141414141414141414141414141414141414141414141414100"
    "00210001000000000089055352562d53414d42412020202020200004005352562d53414d42412020202020200304"
    "005352562d53414d42412020202020202004004c41424f20202020202020202020200084004c41424f2020202020"
    "2020202020201e840000000000000000000000000000000000000000000000000000000000000000000000000000"
    "000000000000"
)
"""nmbd 4.17"""
WINDOWS_DC = (
    struct.pack("!6H", 7, 0x8400, 0, 1, 0, 0)
    + SAMBA[12:46]
    + struct.pack("!HHIH", 0x21, 1, 0, 1 + 5 * 18 + 46)
    + b"\x05"
    + b"SRV-DC1        \x00\x04\x00"
    + b"LABOMARTIN     \x00\x84\x00"
    + b"LABOMARTIN     \x1c\x84\x00"
    + b"SRV-DC1        \x20\x04\x00"
    + b"LABOMARTIN     \x1b\x04\x00"
    + bytes.fromhex("00155d0a0b0c")
    + bytes(40)
)
"""As RFC 1002, 4.2.18 lays it out, with the suffixes of a domain controller ([MS-NBTE] 2.2.1)."""
AVAHI_TYPES = bytes.fromhex(
    "296984000002000400000000095f7365727669636573075f646e732d7364045f756470056c6f63616c00000c8001"
    "0132013002373802313007696e2d61646472046172706100000c8001c02e000c00010000000a000b08696d702d74"
    "657374c023c00c000c00010000000a00140c5f776f726b73746174696f6e045f746370c023c00c000c0001000000"
    "0a0007045f697070c07ac00c000c00010000000a000e0b5f676f6f676c6563617374c07a"
)
AVAHI_INSTANCES = bytes.fromhex(
    "617584000003000a000000000c5f776f726b73746174696f6e045f746370056c6f63616c00000c8001045f697070"
    "c019000c80010b5f676f6f676c6563617374c019000c8001c034000c00010000000a00080553616c6f6ec034c052"
    "001000010000000a001d136d643d4368726f6d656361737420556c74726108666e3d53616c6f6ec0520021000100"
    "00000a0011000000001f4908696d702d74657374c01ec095000100010000000a00040a4e0002c029000c00010000"
    "000a0019164b796f636572612045434f5359532028c3a974c3a929c029c0bc001000010000000a007b1a74793d4b"
    "796f636572612045434f535953204d3331343569646e0f7573625f4d46473d4b796f63657261177573625f4d444c"
    "3d45434f535953204d3331343569646e2061646d696e75726c3d687474703a2f2f696d702d746573742e6c6f6361"
    "6c2e2f1670617373776f72643d68756e7465723263616e617279c0bc002100010000000a0008000000000277c095"
    "c00c000c00010000000a001f1c696d702d74657374205b30303a31313a33323a30303a37383a30325dc00cc17c00"
    "1000010000000a000100c17c002100010000000a0008000000000009c095"
)
"""avahi-daemon 0.8"""
SNMPD = bytes.fromhex(
    "30650201033011020445e6c0ac020300ffe3040100020103041b3019040b80001f88030011320078020201010201"
    "090400040004003030040b80001f88030011320078020400a81f020445e6c0ac0201000201003011300f060a2b06"
    "0106030f01010400410101"
)
"""snmpd 5.9, message id 0x45e6c0ac"""
BIND_PTR = bytes.fromhex(
    "8437858000010001000000000132013002373802313007696e2d61646472046172706100000c0001c00c000c0001"
    "00000e100016077372762d646331046c61626f076578616d706c6500"
)
BIND_VERSION = bytes.fromhex(
    "707d850000010001000000000776657273696f6e0462696e640000100003c00c0010000300000000000c0b42494e"
    "442d746573742039"
)
"""named 9.18"""
NTPSEC = bytes.fromhex(
    "e40000e80000000000000007494e49540000000000000000d79523b913b7e75feeae2cda73435785eeae2cda73474e0f"
)
"""ntpd of ntpsec 1.2, not yet synchronised"""
NTP_GOOD = struct.pack(
    "!BBbb3I4Q",
    0x24,
    2,
    6,
    -20,
    0x0180,
    0x0200,
    0xC0A80101,
    3974400000 << 32,
    5,
    6,
    3974400010 << 32,
)
"""RFC 5905, 7.3: stratum 2 from 192.168.1.1"""
SIPP = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.78.0.1:5060;branch=z9hG4bK8a045365d5b27398;rport\r\n"
    b"From: <sip:handover@10.78.0.1>;tag=8a045365d5b27398\r\nTo: <sip:10.78.0.2>;tag=1\r\n"
    b"Call-ID: 8a045365d5b27398\r\nCSeq: 1 OPTIONS\r\nAllow: INVITE, ACK, OPTIONS, BYE\r\n"
    b"User-Agent: Yealink SIP-T42S 66.85.0.5\r\nContent-Length: 0\r\n\r\n"
)
PONG = bytes.fromhex("0600ff06000011be40d90010000011be000000008100000000000000")
CAPABLE = bytes.fromhex("0600ff0700000000000000000010811c6320d03800019706030000000037")
"""ipmi_sim of OpenIPMI 2.0; sequence 0x34"""
MINIDLNA = (
    b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1810\r\nDATE: Mon, 23 Nov 2026 03:00:00 GMT\r\n"
    b"ST: upnp:rootdevice\r\nUSN: uuid:4d696e69-444c-164e-9d41-001132007802::upnp:rootdevice\r\nEXT:\r\n"
    b"SERVER: Debian DLNADOC/1.50 UPnP/1.0 MiniDLNA/1.3.0\r\n"
    b"LOCATION: http://10.78.0.2:8200/rootDesc.xml\r\nContent-Length: 0\r\n\r\n"
)
DESCRIPTION = b"""<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major></specVersion>
<device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><friendlyName>Box</friendlyName>
<manufacturer>Exemple SA</manufacturer><modelName>Routeur</modelName><modelNumber>R7</modelNumber>
<serialNumber>EX123456</serialNumber><UDN>uuid:1</UDN><deviceList><device>
<deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType><friendlyName>WAN</friendlyName></device></deviceList>
</device></root>"""
BROWSER_TEXT = (
    b"ServerName;SRV-FIC;InstanceName;SQLEXPRESS;IsClustered;No;Version;10.50.1600.1;tcp;49172;;"
    b"ServerName;SRV-FIC;InstanceName;SAGE;IsClustered;Yes;Version;11.0.2100.60;np;\\\\SRV-FIC\\pipe\\q;;"
)
BROWSER = b"\x05" + len(BROWSER_TEXT).to_bytes(2, "little") + BROWSER_TEXT
"""[MC-SQLR] 2.2.5"""
I_AM = b'\x81\n\x00\x15\x01\x00\x10\x00\xc4\x02\x00\x12g"\x04\x00\x91\x00"\x03\xe7'
"""bacpypes3 0.0.110, device 4711"""
I_AM_ROUTED = b"\x81\x0b\x00\x19\x01\x08\x00\x07\x01\x0a" + I_AM[6:]
"""The same from behind a router: network 7 (ASHRAE 135, 6.2.2)"""
PROBE_MATCH = b"""<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header><a:MessageID>urn:uuid:2</a:MessageID>
<a:RelatesTo>urn:uuid:1</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference>
<a:Address>urn:uuid:cam</a:Address></a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>
<d:Scopes>onvif://www.onvif.org/name/Cam%20Entree onvif://www.onvif.org/hardware/DS-2CD2143
 onvif://www.onvif.org/location/hall</d:Scopes><d:XAddrs>http://192.168.1.80/onvif/device_service http://10.9.9.9/</d:XAddrs>
<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"""
"""As ONVIF Core, 7.3 shows it"""
