"""What happens at the chair: appointments, treatment, plans and money."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from simulators.world import treatment
from simulators.world.city import City, Household, Member, topic_of
from simulators.world.vocabulary import NOT_ARRIVED, Service


def book(
    city: City,
    household: Household,
    member: Member,
    clinic_id: str,
    topic: str,
    created_at: datetime,
    contact_id: str | None,
    *,
    waiting: bool = False,
) -> treatment.Appointment:
    """An appointment out of a contact (or at the desk after a visit), and everything that follows from it."""
    rng = city.rng
    pat_num = city.card(household, member, clinic_id, city.local_day(clinic_id, created_at))
    doctor = city.doctor(clinic_id, topic)
    day = city.local_day(clinic_id, created_at) + timedelta(days=1 + int(rng.expovariate(1 / 4.0)))
    if day.weekday() == 6:
        day += timedelta(days=1)
    starts_at = city.at(clinic_id, day, rng.randrange(9, 19), rng.choice((0, 30)))
    status, arrived, changed, reason = "planned", None, created_at, None
    if waiting:
        status = "waiting_list"
    elif starts_at < city.now:
        status = city.weighted((("completed", 74.0), ("arrived", 4.0), ("no_show", 11.0), ("cancelled", 11.0)))
        changed = starts_at + timedelta(hours=1)
        if status in ("completed", "arrived"):
            arrived = starts_at - timedelta(minutes=rng.randrange(0, 12))
        elif status == "cancelled":
            changed = created_at + (starts_at - created_at) * rng.uniform(0.1, 0.95)
        if status in ("no_show", "cancelled"):
            reason = rng.choice(NOT_ARRIVED) or None
    appointment = treatment.Appointment(
        apt_num=len(city.appointments) + 1,
        pat_num=pat_num,
        clinic_id=clinic_id,
        direction=topic,
        prov_num=doctor.vendor_num,
        created_at=created_at,
        starts_at=None if waiting else starts_at,
        status=status,
        arrived_at=arrived,
        changed_at=min(_whole(changed), city.now),
        not_arrived_reason=reason,
        booked_by_contact=contact_id,
    )
    city.appointments.append(appointment)
    if status == "completed":
        _treat(city, household, member, appointment, first=contact_id is not None)
    elif status in ("no_show", "cancelled") and city.chance(0.7):
        # The front desk marks a broken visit with D9986 (missed) or D9987 (cancelled); they cost nothing. Without a
        # mark a broken visit reads as a no-show, so a cancelled one always has its mark (below).
        _mark_broken(city, appointment)
    elif status == "cancelled":
        _mark_broken(city, appointment)
    return appointment


def _whole(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(microsecond=0)


def _mark_broken(city: City, appointment: treatment.Appointment) -> None:
    cancelled = appointment.status == "cancelled"
    service = Service(
        "D9987" if cancelled else "D9986", "cancelled appointment" if cancelled else "missed appointment", Decimal(0)
    )
    _procedure(city, appointment, service, "C")


def _procedure(
    city: City,
    appointment: treatment.Appointment,
    service: Service,
    status: str,
    *,
    apt_num: int | None = None,
    quantity: int = 1,
    day: date | None = None,
) -> treatment.Procedure:
    local = city.local_day(appointment.clinic_id, appointment.starts_at or appointment.created_at)
    procedure = treatment.Procedure(
        proc_num=len(city.procedures) + 1,
        pat_num=appointment.pat_num,
        clinic_id=appointment.clinic_id,
        apt_num=appointment.apt_num if apt_num is None else apt_num,
        day=day or local,
        code=service.code,
        descript=service.name,
        quantity=quantity,
        fee=service.fee * quantity,
        status=status,
        prov_num=appointment.prov_num,
        entered_on=local,
        changed_at=appointment.changed_at,
    )
    city.procedures.append(procedure)
    return procedure


def _treat(
    city: City, household: Household, member: Member, appointment: treatment.Appointment, *, first: bool
) -> None:
    rng = city.rng
    topic = topic_of(appointment.direction)
    done = [_procedure(city, appointment, topic.services[0] if first else rng.choice(topic.services[1:]), "C")]
    if city.chance(0.55):
        service = rng.choice(topic.services[1:])
        done.append(_procedure(city, appointment, service, "C", quantity=2 if city.chance(0.15) else 1))
    if city.chance(0.03):
        _procedure(city, appointment, rng.choice(topic.services), "D")
    _pay(city, appointment, done)
    if first and city.chance(topic.plan_share):
        _open_plan(city, household, member, appointment)


def _pay(city: City, appointment: treatment.Appointment, done: list[treatment.Procedure]) -> None:
    """Paid on the day (most), in two instalments, later than the visit, or not at all yet; sometimes refunded."""
    total = sum((procedure.fee for procedure in done), Decimal(0))
    day = done[0].day
    today = city.local_day(appointment.clinic_id, city.now)
    how = city.weighted((("at once", 78.0), ("instalments", 12.0), ("unpaid", 5.0), ("unallocated", 5.0)))
    if how == "unpaid" or total == 0:
        return
    if how == "instalments":
        half = (total / 2).quantize(Decimal("0.01"))
        _payment(city, appointment, done, half, day)
        later = day + timedelta(days=city.rng.randrange(7, 30))
        if later < today:
            _payment(city, appointment, done, total - half, later)
        return
    _payment(city, appointment, [] if how == "unallocated" else done, total, day)
    refunded = day + timedelta(days=city.rng.randrange(1, 10))
    if city.chance(0.02) and refunded < today:
        _payment(city, appointment, done[:1], -done[0].fee, refunded)


def _payment(
    city: City, appointment: treatment.Appointment, done: list[treatment.Procedure], amount: Decimal, day: date
) -> None:
    pay_num = len(city.payments) + 1
    pay_type = city.rng.choice(("Cash", "Card", "Card", "Transfer"))
    city.payments.append(treatment.Payment(pay_num, appointment.pat_num, appointment.clinic_id, day, amount, pay_type))
    left = amount
    for index, procedure in enumerate(done):
        last = index == len(done) - 1
        part = left if last else min(left, procedure.fee)
        left -= part
        if part:
            city.splits.append(
                treatment.PaySplit(
                    len(city.splits) + 1,
                    pay_num,
                    appointment.pat_num,
                    procedure.proc_num,
                    part,
                    procedure.prov_num,
                    appointment.clinic_id,
                    day,
                )
            )


def _open_plan(city: City, household: Household, member: Member, appointment: treatment.Appointment) -> None:
    """Two to four stages; each later visit does one. A plan whose last stage is done is a completed treatment."""
    rng = city.rng
    topic = topic_of(appointment.direction)
    opened = city.local_day(appointment.clinic_id, appointment.starts_at or appointment.created_at)
    plan_num = len(city.plans) + 1
    changed = appointment.changed_at
    visit = appointment.changed_at
    stopped = False
    for number in range(1, rng.randrange(2, 5) + 1):
        service = topic.services[min(number, len(topic.services) - 1)]
        next_visit = None
        if not stopped:
            next_visit = _follow_up(city, household, member, appointment, visit)
            stopped = next_visit.status != "completed" or city.chance(0.12)
        if next_visit is not None and next_visit.status == "completed":
            procedure = _procedure(city, next_visit, service, "C")
            _pay(city, next_visit, [procedure])
            visit = changed = next_visit.changed_at
        else:
            procedure = replace(_procedure(city, appointment, service, "TP", apt_num=0), entered_on=opened)
            city.procedures[-1] = procedure
        city.plan_stages.append(treatment.PlanStage(len(city.plan_stages) + 1, plan_num, procedure.proc_num, number))
    city.plans.append(treatment.Plan(plan_num, appointment.pat_num, appointment.clinic_id, topic.word, opened, changed))


def _follow_up(
    city: City, household: Household, member: Member, appointment: treatment.Appointment, after: datetime
) -> treatment.Appointment:
    """The next visit, booked at the desk right after this one: no contact, same card."""
    rng = city.rng
    clinic_id = appointment.clinic_id
    day = city.local_day(clinic_id, after) + timedelta(days=rng.randrange(5, 15))
    if day.weekday() == 6:
        day += timedelta(days=1)
    starts_at = city.at(clinic_id, day, rng.randrange(9, 19), rng.choice((0, 30)))
    status, arrived, changed, reason = "planned", None, after, None
    if starts_at < city.now:
        status = city.weighted((("completed", 86.0), ("no_show", 7.0), ("cancelled", 7.0)))
        changed = starts_at + timedelta(hours=1)
        arrived = starts_at - timedelta(minutes=3) if status == "completed" else None
        reason = rng.choice(NOT_ARRIVED) or None if status != "completed" else None
    created = min(after + timedelta(minutes=5), city.now - timedelta(minutes=1))
    follow = treatment.Appointment(
        apt_num=len(city.appointments) + 1,
        pat_num=appointment.pat_num,
        clinic_id=clinic_id,
        direction=appointment.direction,
        prov_num=appointment.prov_num,
        created_at=_whole(created),
        starts_at=starts_at,
        status=status,
        arrived_at=arrived,
        changed_at=min(_whole(changed), city.now),
        not_arrived_reason=reason,
    )
    city.appointments.append(follow)
    if status == "cancelled":
        _mark_broken(city, follow)
    return follow


def past_visits(city: City, households: int) -> None:
    """People who were patients long before the first day: repeat audience, shared phones, old plans."""
    for number in range(households):
        clinic = city.rng.choice(city.clinics)
        before = city.date_from - timedelta(days=city.rng.randrange(40, 400))
        household = city.new_household(before)
        if number == 0:
            # An administrator is a patient too; her phone is on the list of employees.
            household.phone = next((person.phone for person in city.employees if person.phone), household.phone)
            household.second_phone = None
        member = city.rng.choice(household.members)
        topic = "paediatrics" if member.child else city.rng.choice(("therapy", "hygiene", "implants", "orthodontics"))
        created = city.at(clinic.clinic_id, before, city.rng.randrange(9, 19), city.rng.randrange(60))
        household.calls_made = 1
        book(city, household, member, clinic.clinic_id, topic, created, None)


def notes(city: City) -> None:
    """Notes on the schedule that are no visits, as every practice has them."""
    for appointment in city.appointments[::97]:
        if appointment.starts_at is not None:
            city.appointments.append(
                replace(
                    appointment,
                    apt_num=len(city.appointments) + 1,
                    status="note",
                    is_note=True,
                    booked_by_contact=None,
                    arrived_at=None,
                    not_arrived_reason=None,
                )
            )
