from uuid import uuid4

from django.db import migrations

from certificates.secrets import place, seal, unseal
from certificates.x509.name_digest import name_digests


def forward(apps, schema_editor):
    """A certificate names its key, instead of a key its certificate; names get their digests."""
    Certificate = apps.get_model("certificates", "Certificate")
    PrivateKey = apps.get_model("certificates", "PrivateKey")
    SigningRequest = apps.get_model("certificates", "SigningRequest")
    for key in PrivateKey.objects.exclude(certificate=None).only("pk", "certificate").iterator():
        Certificate.objects.filter(pk=key.certificate_id).update(private_key=key)
    for row in Certificate.objects.only("pk", "der").iterator(chunk_size=500):
        subject, issuer = name_digests(bytes(row.der))
        Certificate.objects.filter(pk=row.pk).update(subject_digest=subject, issuer_digest=issuer)
    for row in Certificate.objects.filter(state="superseded").only("pk", "created_at"):
        Certificate.objects.filter(pk=row.pk).update(superseded_at=row.created_at)
    # Requests without a key can never be answered.
    SigningRequest.objects.filter(state="pending", private_key=None).update(state="cancelled")


def backward(apps, schema_editor):
    Certificate = apps.get_model("certificates", "Certificate")
    PrivateKey = apps.get_model("certificates", "PrivateKey")
    SigningRequest = apps.get_model("certificates", "SigningRequest")
    SigningRequest.objects.all().delete()
    given = set()
    for row in Certificate.objects.exclude(private_key=None).select_related("private_key"):
        key = row.private_key
        if key.pk in given:  # a key had one certificate then, and its seal is bound to its row
            plain = unseal(bytes(key.sealed), place(key, "sealed"))
            key.pk = uuid4()
            key.sealed = seal(plain, place(key, "sealed"))
            key.save(force_insert=True)
        given.add(key.pk)
        PrivateKey.objects.filter(pk=key.pk).update(certificate=row)
    Certificate.objects.update(private_key=None)
    PrivateKey.objects.filter(certificate=None).delete()


class Migration(migrations.Migration):
    dependencies = [("certificates", "0002_requests_with_keys")]

    operations = [migrations.RunPython(forward, backward)]
