//! Models that were added by the API.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use super::audit::entries;
use super::{Store, StoreError, get};

/// A model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRow {
    /// Its id, which is also its deployment's.
    pub id: String,
    /// `model_name`
    pub name: String,
    /// `litellm_params`, encrypted.
    pub params: String,
    /// `model_info`
    pub info: Map<String, Value>,
    /// Why Envoy does not accept it; it is then not used.
    pub rejected: Option<String>,
    /// The version of all models when it was last changed. A new row gets it when it is stored.
    pub version: i64,
    /// Creation time.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Who changed it.
    pub updated_by: String,
}

impl Store {
    /// Changes whenever a model does.
    pub async fn models_version(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT last FROM model_version WHERE id = 1").fetch_one(&self.readers).await?;
        get(&row, 0)
    }

    /// All models, in the order of their creation, and their version.
    pub async fn stored_models(&self) -> Result<(i64, Vec<ModelRow>), StoreError> {
        let mut transaction = self.read().await?;
        let row =
            sqlx::query("SELECT last FROM model_version WHERE id = 1").fetch_one(&mut *transaction).await?;
        let rows = sqlx::query(
            "SELECT id, name, params, info, rejected, version, created_at, created_by, updated_at, updated_by FROM stored_model \
             ORDER BY created_at, id",
        )
        .fetch_all(&mut *transaction)
        .await?;
        Ok((get(&row, 0)?, rows.iter().map(read).collect::<Result<_, _>>()?))
    }

    /// A model.
    pub async fn stored_model(&self, id: &str) -> Result<Option<ModelRow>, StoreError> {
        let row = sqlx::query(
            "SELECT id, name, params, info, rejected, version, created_at, created_by, updated_at, updated_by FROM stored_model \
             WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&self.readers)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Adds a model, and returns its version; `None` if there is one with its id. The audit log gets its parameters without
    /// secrets.
    pub async fn insert_model(
        &self,
        model: &ModelRow,
        params: &Map<String, Value>,
    ) -> Result<Option<i64>, StoreError> {
        let mut transaction = self.write().await?;
        let version = count(&mut transaction).await?;
        let done = sqlx::query(
            "INSERT INTO stored_model (id, name, params, info, rejected, version, created_at, created_by, updated_at, updated_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        )
        .bind(model.id.as_str())
        .bind(model.name.as_str())
        .bind(model.params.as_str())
        .bind(Value::Object(model.info.clone()).to_string())
        .bind(model.rejected.as_deref())
        .bind(version)
        .bind(model.created_at.as_microsecond())
        .bind(model.created_by.as_str())
        .bind(model.updated_at.as_microsecond())
        .bind(model.updated_by.as_str())
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        let after = entries::of_model(model, params);
        entries::model(&mut transaction, &model.id, None, Some(after)).await?;
        self.commit(transaction).await?;
        Ok(Some(version))
    }

    /// Replaces a model, and returns its new version; `None` if it was changed or deleted after it was read. The audit log gets
    /// the parameters before and after, without secrets.
    pub async fn replace_model(
        &self,
        (before, old): (&ModelRow, &Map<String, Value>),
        (model, params): (&ModelRow, &Map<String, Value>),
    ) -> Result<Option<i64>, StoreError> {
        let mut transaction = self.write().await?;
        let version = count(&mut transaction).await?;
        let done = sqlx::query(
            "UPDATE stored_model SET name = $3, params = $4, info = $5, rejected = $6, updated_at = $7, updated_by = $8, \
             version = $9 WHERE id = $1 AND version = $2",
        )
        .bind(model.id.as_str())
        .bind(model.version)
        .bind(model.name.as_str())
        .bind(model.params.as_str())
        .bind(Value::Object(model.info.clone()).to_string())
        .bind(model.rejected.as_deref())
        .bind(model.updated_at.as_microsecond())
        .bind(model.updated_by.as_str())
        .bind(version)
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        let (before, after) = (entries::of_model(before, old), entries::of_model(model, params));
        entries::model(&mut transaction, &model.id, Some(before), Some(after)).await?;
        self.commit(transaction).await?;
        Ok(Some(version))
    }

    /// Stops using models that Envoy does not accept. Changes them only if they are still at these versions.
    pub async fn reject_models(&self, models: &[(String, i64)], why: &str) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        let version = count(&mut transaction).await?;
        for (id, at) in models {
            sqlx::query("UPDATE stored_model SET rejected = $3, version = $4 WHERE id = $1 AND version = $2")
                .bind(id.as_str())
                .bind(*at)
                .bind(why)
                .bind(version)
                .execute(&mut *transaction)
                .await?;
        }
        self.commit(transaction).await
    }

    /// Deletes a model, and returns the new version; `None` if there is none. The audit log gets what it was.
    pub async fn delete_model(
        &self,
        id: &str,
        before: Option<(&ModelRow, &Map<String, Value>)>,
    ) -> Result<Option<i64>, StoreError> {
        let mut transaction = self.write().await?;
        let version = count(&mut transaction).await?;
        let done =
            sqlx::query("DELETE FROM stored_model WHERE id = $1").bind(id).execute(&mut *transaction).await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        let before = before.map(|(model, params)| entries::of_model(model, params));
        entries::model(&mut transaction, id, before, None).await?;
        self.commit(transaction).await?;
        Ok(Some(version))
    }
}

/// Counts a change.
async fn count(transaction: &mut Transaction<'static, Any>) -> Result<i64, StoreError> {
    let row = sqlx::query("UPDATE model_version SET last = last + 1 WHERE id = 1 RETURNING last")
        .fetch_one(&mut **transaction)
        .await?;
    get(&row, 0)
}

fn read(row: &AnyRow) -> Result<ModelRow, StoreError> {
    let time = |column: &str| {
        Timestamp::from_microsecond(get(row, column)?)
            .map_err(|_| StoreError::Corrupt(format!("{column} of a model is not a time")))
    };
    let id: String = get(row, "id")?;
    let info: String = get(row, "info")?;
    let info = serde_json::from_str(&info)
        .map_err(|_| StoreError::Corrupt(format!("model_info of model {id} is not a JSON object")))?;
    Ok(ModelRow {
        name: get(row, "name")?,
        params: get(row, "params")?,
        info,
        rejected: get(row, "rejected")?,
        version: get(row, "version")?,
        created_at: time("created_at")?,
        created_by: get(row, "created_by")?,
        updated_at: time("updated_at")?,
        updated_by: get(row, "updated_by")?,
        id,
    })
}
